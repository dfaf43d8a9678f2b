;; Returns a page with `<iframe srcdoc>`, which contains a `<link rel=preconnect>`.
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
  (data (i32.const 1024) "\c8\00\00\00\40\06\00\00\01\00\00\00\20\08\00\00\3e\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
  (data (i32.const 2048) "content-type")
  (data (i32.const 2064) "text/html")
  (data (i32.const 2080) "\3c\69\66\72\61\6d\65\20\73\72\63\64\6f\63\3d\22\26\6c\74\3b\6c\69\6e\6b\20\72\65\6c\3d\70\72\65\63\6f\6e\6e\65\63\74\20\68\72\65\66\3d\2f\2f\65\76\69\6c\2e\65\78\61\6d\70\6c\65\3e\22\3e")
  (data (i32.const 1600) "\00\08\00\00\0c\00\00\00\10\08\00\00\09\00\00\00")
  (func (export "curtaincall:callback/handler@0.1.0#handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    ;; `/callback?good` has 14 bytes, and gets the valid reply.
    (if (i32.eq (local.get 3) (i32.const 14)) (then (return (i32.const 512))))
    (i32.const 1024))
)
