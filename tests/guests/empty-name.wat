;; Returns a header field with an empty name.
(module
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  ;; The valid reply: done, with `{"good":"good"}`.
  (data (i32.const 512) "\c8\00\00\00\00\00\00\00\00\00\00\00\30\02\00\00\04\00\00\00\01\00\00\00\00\00\00\00\40\02\00\00\01\00\00\00")
  (data (i32.const 560) "good")
  (data (i32.const 576) "\30\02\00\00\04\00\00\00\30\02\00\00\04\00\00\00")
  (data (i32.const 1024) "\c8\00\00\00\40\06\00\00\01\00\00\00\10\08\00\00\03\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
  (data (i32.const 2048) "")
  (data (i32.const 2056) "en")
  (data (i32.const 2064) "bye")
  (data (i32.const 1600) "\00\08\00\00\00\00\00\00\08\08\00\00\02\00\00\00")
  (func (export "curtaincall:callback/handler@0.1.0#handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    ;; `/callback?good` has 14 bytes, and gets the valid reply.
    (if (i32.eq (local.get 3) (i32.const 14)) (then (return (i32.const 512))))
    (i32.const 1024))
)
