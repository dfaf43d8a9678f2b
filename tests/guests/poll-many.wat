;; Polls a list that contains the same pollable 524,288 times, in an endless loop.
(module
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
  (import "wasi:io/poll@0.2.0" "poll" (func $poll (param i32 i32 i32)))
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
    (local $pollable i32)
    (local $at i32)
    ;; `/callback?good` has 14 bytes, and gets the valid reply.
    (if (i32.eq (local.get 3) (i32.const 14)) (then (return (i32.const 512))))
    (local.set $pollable (call $subscribe (i64.const 0)))
    (local.set $at (i32.const 4194304))
    (loop $fill
      (i32.store (local.get $at) (local.get $pollable))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $fill (i32.lt_u (local.get $at) (i32.const 6291456))))
    (loop $more (call $poll (i32.const 4194304) (i32.const 524288) (i32.const 1024)) (br $more))
    unreachable)
)
