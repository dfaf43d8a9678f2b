;; Creates requests with paths and authorities of 60,000 bytes in an endless loop, and sends none.
(module
  (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.0" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-authority" (func $authority (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-path-with-query" (func $path (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 17)
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
  (func (export "curtaincall:callback/handler@0.1.0#handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (local $request i32)
    ;; `/callback?good` has 14 bytes, and gets the valid reply.
    (if (i32.eq (local.get 3) (i32.const 14)) (then (return (i32.const 512))))
    (memory.fill (i32.const 65536) (i32.const 120) (i32.const 1048576))
    ;; A path starts with `/`, which is 47.
    (i32.store8 (i32.const 65536) (i32.const 47))
    (loop $more
      (local.set $request (call $request (call $fields)))
      (drop (call $path (local.get $request) (i32.const 1) (i32.const 65536) (i32.const 60000)))
      (drop (call $authority (local.get $request) (i32.const 1) (i32.const 65537) (i32.const 60000)))
      (br $more))
    unreachable)
)
