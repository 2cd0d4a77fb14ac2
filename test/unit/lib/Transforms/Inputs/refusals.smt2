; What no law allows, each as a query that Z3 must answer `sat`: the model is the
; certificate. Most are laws of laws.smt2 with one mistake made on purpose.
;
; A section starts with `;; <law>: <what goes wrong>`. LawProofsTest.cpp runs them.

;; exp-transport: without the correction
(declare-const a Real) (declare-const b Real) (declare-const v Real) (declare-const w Real)
(assert (and (> a 0) (> b 0)))
(define-fun max2 ((p Real) (q Real)) Real (ite (>= p q) p q))
(define-fun m () Real (max2 a b))
(assert (not (= (+ (* (/ a a) v) (* (/ b m) w)) (+ (* (/ a m) v) (* (/ b m) w)))))

;; exp-transport: with old and new maximum exchanged
(declare-const a Real) (declare-const b Real) (declare-const v Real) (declare-const w Real)
(assert (and (> a 0) (> b 0)))
(define-fun max2 ((p Real) (q Real)) Real (ite (>= p q) p q))
(define-fun m () Real (max2 a b))
(assert (not (= (+ (* (/ a a) v (/ m a)) (* (/ b m) w)) (+ (* (/ a m) v) (* (/ b m) w)))))

;; exp-transport: the correction applied to the new tile as well
(declare-const a Real) (declare-const b Real)
(assert (and (> a 0) (> b 0)))
(define-fun max2 ((p Real) (q Real)) Real (ite (>= p q) p q))
(define-fun m () Real (max2 a b))
(assert (not (= (* (+ (/ a a) (/ b m)) (/ a m)) (+ (/ a m) (/ b m)))))

;; exp-transport: guard, a frame that is no maximum (the mean) lets arguments grow
(declare-const x Real) (declare-const y Real) (declare-const m Real)
(assert (= m (/ (+ x y) 2)))
(assert (> (- x m) 0))

;; exp-transport: unguarded, with every key masked, m = m' = -inf
(declare-datatypes ((Ext 0)) (((ninf) (fin (val Real)) (nan))))
(declare-fun e (Real) Real)
(define-fun sub ((a Ext) (b Ext)) Ext
  (ite (or ((_ is nan) a) ((_ is nan) b)) nan
  (ite (and ((_ is ninf) a) ((_ is ninf) b)) nan
  (ite ((_ is ninf) a) ninf
  (ite ((_ is ninf) b) nan (fin (- (val a) (val b))))))))
(define-fun ex ((a Ext)) Ext
  (ite ((_ is ninf) a) (fin 0) (ite ((_ is nan) a) nan (fin (e (val a))))))
(define-fun mul ((a Ext) (b Ext)) Ext
  (ite (and ((_ is fin) a) ((_ is fin) b)) (fin (* (val a) (val b))) nan))
(declare-const m Ext) (declare-const n Ext)
(assert (not ((_ is nan) m))) (assert (not ((_ is nan) n)))
(assert (or ((_ is ninf) m) (and ((_ is fin) n) (>= (val n) (val m)))))
(assert (not (= (mul (fin 0) (ex (sub m n))) (fin 0))))

;; scale-transport: H(d)^-1 where H(d) is zero
(declare-const x Real) (declare-const h Real) (declare-const k Real)
(assert (not (= (* x k) (* (* x h) (/ k h)))))

;; scale-transport: |x/d| with a d of unknown sign
(declare-const x Real) (declare-const c Real) (declare-const d Real)
(define-fun abs1 ((a Real)) Real (ite (>= a 0) a (- a)))
(assert (and (not (= c 0)) (not (= d 0))))
(assert (not (= (abs1 (/ x d)) (* (abs1 (/ x c)) (/ c d)))))

;; translation-transport: without the cross term
(declare-const x Real) (declare-const c Real) (declare-const d Real)
(define-fun t () Real (- c d))
(assert (not (= (* (- x d) (- x d)) (+ (* (- x c) (- x c)) (* t t)))))

;; translation-transport: with old and new centre exchanged
(declare-const x Real) (declare-const c Real) (declare-const d Real)
(define-fun t () Real (- d c))
(assert (not (= (* (- x d) (- x d)) (+ (* (- x c) (- x c)) (* 2 t (- x c)) (* t t)))))

;; deferral: a factor of unknown sign under a maximum
(declare-const s Real) (declare-const a Real) (declare-const b Real)
(define-fun max2 ((x Real) (y Real)) Real (ite (>= x y) x y))
(assert (not (= (max2 (* a s) (* b s)) (* (max2 a b) s))))

;; deferral: a factor does not move out of a product
(declare-const a Real) (declare-const b Real) (declare-const h Real)
(assert (not (= (* (* a h) (* b h)) (* (* a b) h))))

;; deferral: a summand does not move out of a sum
(declare-const a Real) (declare-const b Real) (declare-const h Real)
(assert (not (= (+ (+ a h) (+ b h)) (+ (+ a b) h))))

;; deferral: a division where the divisor is zero
(declare-const s Real) (declare-const a Real) (declare-const d Real)
(assert (not (= (+ (/ s d) (/ a d)) (/ (+ s a) d))))

;; refusal: rounding x/d, two inputs collide under one scale and part under another
(declare-const x Real) (declare-const y Real)
(define-fun round1 ((a Real)) Int (to_int (+ a (/ 1 2))))
(assert (= (round1 (/ x 1)) (round1 (/ y 1))))
(assert (not (= (round1 (/ x 2)) (round1 (/ y 2)))))

;; refusal: |x-d| collides
(declare-const x Real) (declare-const y Real) (declare-const c Real) (declare-const d Real)
(define-fun abs1 ((a Real)) Real (ite (>= a 0) a (- a)))
(assert (= (abs1 (- x c)) (abs1 (- y c))))
(assert (not (= (abs1 (- x d)) (abs1 (- y d)))))

;; refusal: relu(x-d) collides
(declare-const x Real) (declare-const y Real) (declare-const c Real) (declare-const d Real)
(define-fun relu ((a Real)) Real (ite (>= a 0) a 0))
(assert (= (relu (- x c)) (relu (- y c))))
(assert (not (= (relu (- x d)) (relu (- y d)))))

;; refusal: a threshold [x >= d] collides
(declare-const x Real) (declare-const y Real) (declare-const c Real) (declare-const d Real)
(assert (= (>= x c) (>= y c)))
(assert (not (= (>= x d) (>= y d))))

;; refusal: (x d)^2 in the place of exp(x d), T(s) = s^2 exists and is not additive
(declare-const a Real) (declare-const b Real)
(assert (and (> a 0) (> b 0)))
(assert (not (= (* (+ a b) (+ a b)) (+ (* a a) (* b b)))))

;; refusal: sigmoid(x-d), T exists and is not additive
(declare-const s Real) (declare-const t Real) (declare-const c Real)
(assert (and (> s 0) (< s 1) (> t 0) (< t 1) (< (+ s t) 1) (> c 0)))
; with E = s/(1-s) and c = e(d-d'): T(s) = cE/(1+cE) = cs/(1-s+cs)
(define-fun tr ((x Real)) Real (/ (* c x) (+ (- 1 x) (* c x))))
(assert (not (= (tr (+ s t)) (+ (tr s) (tr t)))))

;; refusal: a gather by argmax, the index moves while the value stays
(declare-const x Real) (declare-const y Real) (declare-const u Real) (declare-const v Real)
(define-fun gather ((p Real) (q Real)) Real (ite (>= p q) u v))
(assert (= (ite (>= x y) x y) (ite (>= y x) y x)))
(assert (not (= (gather x y) (gather y x))))

;; reassociation: across a nonlinearity
(declare-const a Real) (declare-const b Real) (declare-const c Real) (declare-const d Real)
(define-fun relu ((x Real)) Real (ite (>= x 0) x 0))
(assert (not (= (* (relu (+ a b)) c) (+ (* (relu a) c) (* (relu b) c)))))

;; reassociation: a sum over a rank of a maximum
(declare-const a Real) (declare-const b Real) (declare-const c Real) (declare-const d Real)
(define-fun max2 ((x Real) (y Real)) Real (ite (>= x y) x y))
(assert (not (= (max2 (+ a b) (+ c d)) (+ (max2 a c) (max2 b d)))))

;; interchange: a maximum of sums
(declare-const a Real) (declare-const b Real) (declare-const c Real) (declare-const d Real)
(define-fun max2 ((x Real) (y Real)) Real (ite (>= x y) x y))
(assert (not (= (+ (max2 a b) (max2 c d)) (max2 (+ a c) (+ b d)))))

;; split: a merge that forgets to re-base one side
(declare-const a Real) (declare-const b Real) (declare-const s Real) (declare-const t Real)
(assert (and (> a 0) (> b 0)))
(define-fun max2 ((x Real) (y Real)) Real (ite (>= x y) x y))
(assert (not (= (+ (* s (/ a (max2 a b))) t)
                (+ (* s (/ a (max2 a b))) (* t (/ b (max2 a b)))))))

;; split: a merge of means
(declare-const a Real) (declare-const b Real) (declare-const c Real)
(assert (not (= (/ (+ (/ (+ a b) 2) c) 2) (/ (+ a b c) 3))))

;; local-reductions: without the weights of the tiles
(declare-const a Real) (declare-const b Real)
(assert (and (> a 0) (> b 0)))
(define-fun g () Real (ite (>= a b) a b))
(assert (not (= (+ (/ a g) (/ b g)) (+ (/ a a) (/ b b)))))

;; unified-max: a constant that only the numerator gets
(declare-const a Real) (declare-const b Real) (declare-const p Real) (declare-const g Real)
(assert (and (> a 0) (> b 0) (> p 0) (> g 0)))
(assert (not (= (/ (/ a g) (+ (/ a g) (/ b g))) (/ (/ a p) (+ (/ a g) (/ b g))))))

;; raw-moments: without squaring the mean
(declare-const x Real) (declare-const y Real)
(define-fun mean () Real (/ (+ x y) 2))
(assert (not (= (/ (+ (* (- x mean) (- x mean)) (* (- y mean) (- y mean))) 2)
                (- (/ (+ (* x x) (* y y)) 2) mean))))

;; monotone: a factor of unknown sign turns the order around
(declare-const x Real) (declare-const y Real) (declare-const s Real)
(assert (not (= (< x y) (< (* x s) (* y s)))))

;; monotone: a map that only grows weakly ties what was ordered, and argmax changes
(declare-const x Real) (declare-const y Real)
(define-fun relu ((a Real)) Real (ite (>= a 0) a 0))
(assert (not (= (< x y) (< (relu x) (relu y)))))

;; cse: subtraction does not commute
(declare-const a Real) (declare-const b Real)
(assert (not (= (- a b) (- b a))))

;; running-quotient: FuseMax's Cascade 3 from a sum that is zero
(declare-const a Real) (declare-const b Real) (declare-const y Real) (declare-const z Real)
(declare-const s Real)
(assert (= z (* y s)))
(define-fun y1 () Real (+ y (* a b)))
(assert (= y 0))
(assert (not (= (+ (* z (/ y1 y)) (* y1 a)) (* y1 (+ s a)))))
