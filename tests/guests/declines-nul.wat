;; Declines to start the flow, with a NUL character in the error.
(module
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  ;; The result: `error`, and a failure without a description.
  (data (i32.const 1024) "\01\00\00\00\00\08\00\00\06\00\00\00\00\00\00\00")
  (data (i32.const 2048) "cl\00sed")
  (func (export "curtaincall:callback/authorizer@0.1.0#authorize") (result i32)
    (i32.const 1024))
  (func (export "curtaincall:callback/handler@0.1.0#handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    unreachable)
)
