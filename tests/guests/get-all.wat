;; Reads the whole configuration in an endless loop.
(module
  (import "wasi:config/store@0.2.0-rc.1" "get-all" (func $all (param i32)))
  (memory (export "memory") 100)
  (global $next (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    ;; Every allocation is at the same address.
    (i32.const 65536))
  ;; The valid reply: done, with `{"good":"good"}`.
  (data (i32.const 512) "\c8\00\00\00\00\00\00\00\00\00\00\00\30\02\00\00\04\00\00\00\01\00\00\00\00\00\00\00\40\02\00\00\01\00\00\00")
  (data (i32.const 560) "good")
  (data (i32.const 576) "\30\02\00\00\04\00\00\00\30\02\00\00\04\00\00\00")
  (func (export "curtaincall:callback/handler@0.1.0#handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    ;; `/callback?good` has 14 bytes, and gets the valid reply.
    (if (i32.eq (local.get 3) (i32.const 14)) (then (return (i32.const 512))))
    (loop $more (call $all (i32.const 1024)) (br $more))
    unreachable)
)
