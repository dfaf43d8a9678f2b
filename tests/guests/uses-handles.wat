;; Uses one handle in one way. The query is one letter for the use, one for the handle, and the URL of an endpoint, such
;; as `/callback?hthttp://127.0.0.1:8080/token`.
;;
;; Uses of a secret: `h` hand over, `q` send in the query, `f` in a form, `j` in JSON, `p` as a password, `b` as a bearer
;; token, `i` verify as an ID token, `r` reveal, `d` drop.
;; Uses of an answer: `g` get a value, `s` get the status, `e` drop.
;; `n` shows the number of the handle.
;;
;; Handles: `k` the secret `key`, `o` the secret `other`, `v` the verifier, `a` an answer, `t` the token in it, `x` a token
;; that was dropped, `y` an answer that was dropped, `z` the number after that of a token. A digit is the handle with this
;; number, which the guest never obtained.
(module
  (import "curtaincall:callback/secrets@0.1.0" "get" (func $get (param i32 i32 i32)))
  (import "curtaincall:callback/secrets@0.1.0" "code-verifier" (func $verifier (result i32)))
  (import "curtaincall:callback/secrets@0.1.0" "[method]secret.hand-over" (func $hand-over (param i32 i32 i32 i32)))
  (import "curtaincall:callback/secrets@0.1.0" "[resource-drop]secret" (func $drop-secret (param i32)))
  (import "curtaincall:callback/exchange@0.1.0" "send" (func $send (param i32 i32)))
  (import "curtaincall:callback/exchange@0.1.0" "[method]answer.get" (func $value (param i32 i32 i32 i32)))
  (import "curtaincall:callback/exchange@0.1.0" "[method]answer.status" (func $status (param i32) (result i32)))
  (import "curtaincall:callback/exchange@0.1.0" "[resource-drop]answer" (func $drop-answer (param i32)))
  (import "curtaincall:callback/identity@0.1.0" "verify" (func $verify
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i32)))
  (import "curtaincall:callback/reveal@0.1.0" "reveal" (func $reveal (param i32 i32)))
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  ;; The reply: pending, with the page `none`.
  (data (i32.const 512) "\c8\00\00\00\00\00\00\00\00\00\00\00\30\02\00\00\04\00\00\00")
  (data (i32.const 560) "none")
  (data (i32.const 568) "good")
  (data (i32.const 2048) "key")
  (data (i32.const 2056) "other")
  (data (i32.const 2064) "/access_token")
  ;; The request at 3072: `POST`, without anything but the URL.
  (data (i32.const 3072) "\01")
  ;; A parameter of a form or a query: `access_token`, with the secret at 3212.
  (data (i32.const 3200) "\11\08\00\00\0c\00\00\00\01")
  ;; A member of JSON: `/access_token`, with the secret at 3252.
  (data (i32.const 3232) "\10\08\00\00\0d\00\00\00\03\00\00\00\00\00\00\00\01")

  ;; Send the request. Returns the handle of the answer.
  (func $ask (result i32)
    (call $send (i32.const 3072) (i32.const 1024))
    (if (i32.load8_u (i32.const 1024)) (then unreachable))
    (i32.load (i32.const 1028)))
  ;; The handle of the token in an answer.
  (func $token (param $answer i32) (result i32)
    (call $value (local.get $answer) (i32.const 2064) (i32.const 13) (i32.const 1024))
    (if (i32.ne (i32.load8_u (i32.const 1032)) (i32.const 4)) (then unreachable))
    (i32.load (i32.const 1040)))
  ;; The handle of a granted secret.
  (func $granted (param i32 i32) (result i32)
    (call $get (local.get 0) (local.get 1) (i32.const 1024))
    (if (i32.eqz (i32.load8_u (i32.const 1024))) (then unreachable))
    (i32.load (i32.const 1028)))

  (func $handle (param $which i32) (result i32)
    (local $handle i32)
    (if (i32.eq (local.get $which) (i32.const 0x6b)) ;; k
      (then (return (call $granted (i32.const 2048) (i32.const 3)))))
    (if (i32.eq (local.get $which) (i32.const 0x6f)) ;; o
      (then (return (call $granted (i32.const 2056) (i32.const 5)))))
    (if (i32.eq (local.get $which) (i32.const 0x76)) ;; v
      (then (return (call $verifier))))
    (if (i32.lt_u (local.get $which) (i32.const 0x3a)) ;; a digit
      (then (return (i32.sub (local.get $which) (i32.const 0x30)))))
    (local.set $handle (call $ask))
    (if (i32.eq (local.get $which) (i32.const 0x61)) ;; a
      (then (return (local.get $handle))))
    (if (i32.eq (local.get $which) (i32.const 0x79)) ;; y
      (then (call $drop-answer (local.get $handle)) (return (local.get $handle))))
    (local.set $handle (call $token (local.get $handle)))
    (if (i32.eq (local.get $which) (i32.const 0x78)) ;; x
      (then (call $drop-secret (local.get $handle))))
    (if (i32.eq (local.get $which) (i32.const 0x7a)) ;; z
      (then (return (i32.add (local.get $handle) (i32.const 1)))))
    (local.get $handle))

  ;; Use a handle. Returns whether the host did what was asked for.
  (func $use (param $use i32) (param $handle i32) (result i32)
    (i32.store (i32.const 3212) (local.get $handle))
    (i32.store (i32.const 3252) (local.get $handle))
    (if (i32.eq (local.get $use) (i32.const 0x68)) ;; h
      (then
        (call $hand-over (local.get $handle) (i32.const 2065) (i32.const 12) (i32.const 1024))
        ;; The flow is complete, and the guest itself returns no value.
        (i32.store8 (i32.const 532) (i32.const 1))
        (return (i32.eqz (i32.load8_u (i32.const 1024))))))
    (if (i32.eq (local.get $use) (i32.const 0x69)) ;; i
      (then
        (call $verify (local.get $handle) (i32.const 2048) (i32.const 3) (i32.const 2048) (i32.const 3)
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0)
          (i32.const 1024))
        (return (i32.eqz (i32.load8_u (i32.const 1024))))))
    (if (i32.eq (local.get $use) (i32.const 0x72)) ;; r
      (then
        (call $reveal (local.get $handle) (i32.const 1024))
        (return (i32.load8_u (i32.const 1024)))))
    (if (i32.eq (local.get $use) (i32.const 0x64)) ;; d
      (then (call $drop-secret (local.get $handle)) (return (i32.const 1))))
    (if (i32.eq (local.get $use) (i32.const 0x67)) ;; g
      (then
        (call $value (local.get $handle) (i32.const 2064) (i32.const 13) (i32.const 1024))
        (return (i32.load8_u (i32.const 1024)))))
    (if (i32.eq (local.get $use) (i32.const 0x73)) ;; s
      (then (return (i32.eq (call $status (local.get $handle)) (i32.const 200)))))
    (if (i32.eq (local.get $use) (i32.const 0x65)) ;; e
      (then (call $drop-answer (local.get $handle)) (return (i32.const 1))))
    (if (i32.eq (local.get $use) (i32.const 0x71)) ;; q
      (then
        (i32.store (i32.const 3084) (i32.const 3200))
        (i32.store (i32.const 3088) (i32.const 1))))
    (if (i32.eq (local.get $use) (i32.const 0x66)) ;; f
      (then
        (i32.store8 (i32.const 3132) (i32.const 1))
        (i32.store (i32.const 3136) (i32.const 3200))
        (i32.store (i32.const 3140) (i32.const 1))))
    (if (i32.eq (local.get $use) (i32.const 0x6a)) ;; j
      (then
        (i32.store8 (i32.const 3132) (i32.const 2))
        (i32.store (i32.const 3136) (i32.const 3232))
        (i32.store (i32.const 3140) (i32.const 1))))
    (if (i32.eq (local.get $use) (i32.const 0x70)) ;; p
      (then
        (i32.store8 (i32.const 3100) (i32.const 1))
        (i32.store (i32.const 3108) (i32.const 2048))
        (i32.store (i32.const 3112) (i32.const 3))
        (i32.store8 (i32.const 3116) (i32.const 1))
        (i32.store (i32.const 3120) (local.get $handle))))
    (if (i32.eq (local.get $use) (i32.const 0x62)) ;; b
      (then
        (i32.store8 (i32.const 3100) (i32.const 2))
        (i32.store (i32.const 3104) (local.get $handle))))
    (call $send (i32.const 3072) (i32.const 1024))
    (i32.eqz (i32.load8_u (i32.const 1024))))

  (func (export "curtaincall:callback/handler@0.1.0#handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (local $use i32) (local $handle i32)
    ;; The query begins after 10 bytes, and the URL after 12.
    (local.set $use (i32.load8_u offset=10 (local.get 2)))
    (i32.store (i32.const 3076) (i32.add (local.get 2) (i32.const 12)))
    (i32.store (i32.const 3080) (i32.sub (local.get 3) (i32.const 12)))
    (local.set $handle (call $handle (i32.load8_u offset=11 (local.get 2))))
    (if (i32.eq (local.get $use) (i32.const 0x6e)) ;; n
      (then
        (i32.store8 (i32.const 576) (i32.add (local.get $handle) (i32.const 0x30)))
        (i32.store (i32.const 524) (i32.const 576))
        (i32.store (i32.const 528) (i32.const 1))
        (return (i32.const 512))))
    (if (call $use (local.get $use) (local.get $handle))
      (then
        (i32.store (i32.const 524) (i32.const 568))
        (if (i32.eq (local.get $use) (i32.const 0x72)) ;; r
          (then
            (i32.store (i32.const 524) (i32.load (i32.const 1028)))
            (i32.store (i32.const 528) (i32.load (i32.const 1032)))))))
    (i32.const 512))
)
