;; Returns an authorization URL of 60,022 bytes.
(module
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 70000))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  ;; The result: `ok`, the URL, and no issuer.
  (data (i32.const 1024) "\00\00\00\00\00\08\00\00\76\ea\00\00\00\00\00\00")
  (data (i32.const 2048) "https://idp.example/?x")
  (func (export "curtaincall:callback/authorizer@0.1.0#authorize") (result i32)
    (memory.fill (i32.const 2070) (i32.const 120) (i32.const 60000))
    (i32.const 1024))
  (func (export "curtaincall:callback/handler@0.1.0#handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    unreachable)
)
