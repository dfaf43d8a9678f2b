;; Shows the secret `key` on its page, if it may read it.
(module
  (import "curtaincall:callback/secrets@0.1.0" "get" (func $get (param i32 i32 i32)))
  (import "curtaincall:callback/reveal@0.1.0" "reveal" (func $reveal (param i32 i32)))
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  ;; The reply: status 200, no header fields, an empty body, pending.
  (data (i32.const 512) "\c8")
  (data (i32.const 600) "key")
  (func (export "curtaincall:callback/handler@0.1.0#handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $get (i32.const 600) (i32.const 3) (i32.const 640))
    ;; There is no such secret.
    (if (i32.eqz (i32.load8_u (i32.const 640))) (then unreachable))
    (call $reveal (i32.load (i32.const 644)) (i32.const 656))
    ;; The body is the secret.
    (if (i32.load8_u (i32.const 656))
      (then
        (i32.store (i32.const 524) (i32.load (i32.const 660)))
        (i32.store (i32.const 528) (i32.load (i32.const 664)))))
    (i32.const 512))
)
