;; Creates lists of 1,500 header fields with different names in an endless loop.
(module
  (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.0" "[method]fields.append" (func $append (param i32 i32 i32 i32 i32 i32)))
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
  (func (export "curtaincall:callback/handler@0.1.0#handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (local $fields i32)
    (local $name i32)
    ;; `/callback?good` has 14 bytes, and gets the valid reply.
    (if (i32.eq (local.get 3) (i32.const 14)) (then (return (i32.const 512))))
    (loop $more
      (local.set $fields (call $fields))
      (local.set $name (i32.const 0))
      (loop $next
        ;; Three letters that encode the number.
        (i32.store8 (i32.const 2048) (i32.add (i32.const 97) (i32.and (local.get $name) (i32.const 15))))
        (i32.store8 (i32.const 2049) (i32.add (i32.const 97) (i32.and (i32.shr_u (local.get $name) (i32.const 4)) (i32.const 15))))
        (i32.store8 (i32.const 2050) (i32.add (i32.const 97) (i32.and (i32.shr_u (local.get $name) (i32.const 8)) (i32.const 15))))
        (call $append (local.get $fields) (i32.const 2048) (i32.const 3) (i32.const 2048) (i32.const 1) (i32.const 1024))
        (local.set $name (i32.add (local.get $name) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $name) (i32.const 1500))))
      (br $more))
    unreachable)
)
