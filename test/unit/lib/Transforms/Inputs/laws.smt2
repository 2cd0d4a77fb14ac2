; The laws that the rewrites rest on, each as a query that Z3 must answer `unsat`:
; no reals break the law. `e` stands for exp; it is an unknown function, and each
; query lists the instances of its axioms (e > 0, e(u+v) = e(u) e(v), monotone)
; that it uses, so that all queries are free of quantifiers.
;
; A section starts with `;; <law>: <what is proved>`. LawProofsTest.cpp runs them.

;; deferral: a factor that no reduced rank has moves out of a sum (induction step)
(declare-const s Real) (declare-const a Real) (declare-const h Real)
(assert (not (= (+ (* s h) (* a h)) (* (+ s a) h))))

;; deferral: the empty sum stays zero
(declare-const h Real)
(assert (not (= (* 0 h) 0)))

;; deferral: a divisor that no reduced rank has moves out of a sum, where it is not zero
(declare-const s Real) (declare-const a Real) (declare-const d Real)
(assert (not (= d 0)))
(assert (not (= (+ (/ s d) (/ a d)) (/ (+ s a) d))))

;; deferral: a choice that no reduced rank has moves out of a sum, whatever is not chosen
(declare-const s Real) (declare-const a Real) (declare-const d Real) (declare-const q Real)
(declare-const r Real) (declare-const c Bool)
(assert (=> (not c) (and (not (= d 0)) (= (* q d) s) (= (* r d) a))))
(assert (not (= (+ (ite c 0 q) (ite c 0 r)) (ite c 0 (/ (+ s a) d)))))

;; deferral: division by a root, the scale of RMS normalisation
(declare-const x Real) (declare-const y Real) (declare-const w Real) (declare-const v Real)
(declare-const r Real) (declare-const q Real)
(assert (> r 0)) (assert (= (* r r) q))
(assert (not (= (+ (* (/ x r) w) (* (/ y r) v)) (/ (+ (* x w) (* y v)) r))))

;; deferral: a negation moves out of a sum
(declare-const s Real) (declare-const a Real)
(assert (not (= (+ (- s) (- a)) (- (+ s a)))))

;; deferral: a positive factor moves out of a maximum
(declare-const a Real) (declare-const b Real) (declare-const h Real)
(define-fun max2 ((x Real) (y Real)) Real (ite (>= x y) x y))
(assert (>= h 0))
(assert (not (= (max2 (* a h) (* b h)) (* (max2 a b) h))))

;; deferral: a positive factor moves out of a minimum
(declare-const a Real) (declare-const b Real) (declare-const h Real)
(define-fun min2 ((x Real) (y Real)) Real (ite (<= x y) x y))
(assert (>= h 0))
(assert (not (= (min2 (* a h) (* b h)) (* (min2 a b) h))))

;; deferral: a summand moves out of a maximum
(declare-const a Real) (declare-const b Real) (declare-const h Real)
(define-fun max2 ((x Real) (y Real)) Real (ite (>= x y) x y))
(assert (not (= (max2 (+ a h) (+ b h)) (+ (max2 a b) h))))

;; exp-transport: F(x,m') = F(x,m) e(m-m')
(declare-fun e (Real) Real)
(declare-const x Real) (declare-const m Real) (declare-const n Real) (declare-const v Real)
(assert (= (e (+ (- x m) (- m n))) (* (e (- x m)) (e (- m n)))))
(assert (not (= (* (e (- x n)) v) (* (* (e (- x m)) v) (e (- m n))))))

;; exp-transport: one step of the recurrence keeps the invariant
(declare-fun e (Real) Real)
(declare-const x Real) (declare-const y Real) (declare-const m Real) (declare-const n Real)
(declare-const v Real) (declare-const w Real) (declare-const s Real)
(assert (= s (* (e (- x m)) v)))
(assert (= (e (- x n)) (* (e (- x m)) (e (- m n)))))
(assert (not (= (+ (* s (e (- m n))) (* (e (- y n)) w))
                (+ (* (e (- x n)) v) (* (e (- y n)) w)))))

;; exp-transport: the correction is additive and keeps zero
(declare-const a Real) (declare-const b Real) (declare-const t Real)
(assert (not (and (= (* (+ a b) t) (+ (* a t) (* b t))) (= (* 0 t) 0))))

;; exp-transport: corrections compose (cocycle)
(declare-fun e (Real) Real)
(declare-const s Real) (declare-const m Real) (declare-const n Real) (declare-const o Real)
(assert (= (e (+ (- m n) (- n o))) (* (e (- m n)) (e (- n o)))))
(assert (not (= (* (* s (e (- m n))) (e (- n o))) (* s (e (- m o))))))

;; exp-transport: guard, no argument of e is positive when the frame is the running maximum
(declare-const x Real) (declare-const m Real) (declare-const n Real)
(assert (= n (ite (>= m x) m x)))
(assert (not (and (<= (- x n) 0) (<= (- m n) 0))))

;; exp-transport: range, terms and corrections are in (0,1]
(declare-fun e (Real) Real)
(declare-const x Real) (declare-const m Real) (declare-const n Real)
(assert (= n (ite (>= m x) m x)))
(assert (= (e 0) 1))
(assert (=> (<= (- x n) 0) (<= (e (- x n)) (e 0)))) (assert (> (e (- x n)) 0))
(assert (=> (<= (- m n) 0) (<= (e (- m n)) (e 0)))) (assert (> (e (- m n)) 0))
(assert (not (and (<= (e (- x n)) 1) (<= (e (- m n)) 1) (> (e (- x n)) 0) (> (e (- m n)) 0))))

;; exp-transport: from an empty prefix, m = -inf, the correction of zero is zero
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
(declare-const n Real)
(assert (not (= (mul (fin 0) (ex (sub ninf (fin n)))) (fin 0))))

;; exp-transport: while every key is masked, m = m' = -inf, the guarded correction keeps zero
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
(define-fun guarded ((a Ext) (b Ext)) Ext (ite (= a b) (fin 1) (ex (sub a b))))
(declare-const m Ext) (declare-const n Ext)
(assert (not ((_ is nan) m))) (assert (not ((_ is nan) n)))
(assert (or ((_ is ninf) m) (and ((_ is fin) n) (>= (val n) (val m)))))
(assert (not (= (mul (fin 0) (guarded m n)) (fin 0))))

;; exp-transport: four keys, three passes = the recurrence, unrolled, with a = e(x) > 0
(declare-const a Real) (declare-const b Real) (declare-const c Real) (declare-const d Real)
(declare-const v Real) (declare-const w Real) (declare-const y Real) (declare-const z Real)
(assert (and (> a 0) (> b 0) (> c 0) (> d 0)))
(define-fun max2 ((p Real) (q Real)) Real (ite (>= p q) p q))
(define-fun m1 () Real (max2 a b))
(define-fun m2 () Real (max2 m1 (max2 c d)))
(define-fun den () Real (+ (/ a m2) (/ b m2) (/ c m2) (/ d m2)))
(define-fun out () Real (+ (* (/ (/ a m2) den) v) (* (/ (/ b m2) den) w)
                           (* (/ (/ c m2) den) y) (* (/ (/ d m2) den) z)))
(define-fun rd1 () Real (+ (/ a m1) (/ b m1)))
(define-fun rn1 () Real (+ (* (/ a m1) v) (* (/ b m1) w)))
(define-fun rd2 () Real (+ (* rd1 (/ m1 m2)) (+ (/ c m2) (/ d m2))))
(define-fun rn2 () Real (+ (* rn1 (/ m1 m2)) (+ (* (/ c m2) y) (* (/ d m2) z))))
(assert (not (= out (/ rn2 rd2))))

;; scale-transport: a factor H(d) is corrected by H(d')/H(d) where H(d) is not zero
(declare-const x Real) (declare-const h Real) (declare-const k Real)
(assert (not (= h 0)))
(assert (not (= (* x k) (* (* x h) (/ k h)))))

;; scale-transport: |x/d| is corrected by d/d' for positive d, d'
(declare-const x Real) (declare-const c Real) (declare-const d Real)
(define-fun abs1 ((a Real)) Real (ite (>= a 0) a (- a)))
(assert (and (> c 0) (> d 0)))
(assert (not (= (abs1 (/ x d)) (* (abs1 (/ x c)) (/ c d)))))

;; translation-transport: second moments about another centre, three points
(declare-const x Real) (declare-const y Real) (declare-const z Real)
(declare-const c Real) (declare-const d Real)
(define-fun s1 ((o Real)) Real (+ (- x o) (- y o) (- z o)))
(define-fun s2 ((o Real)) Real
  (+ (* (- x o) (- x o)) (* (- y o) (- y o)) (* (- z o) (- z o))))
(define-fun t () Real (- c d))
(assert (not (and (= (s1 d) (+ (s1 c) (* 3 t)))
                  (= (s2 d) (+ (s2 c) (* 2 t (s1 c)) (* 3 t t))))))

;; translation-transport: degree 2 with weights, pointwise
(declare-const x Real) (declare-const g Real) (declare-const c Real) (declare-const d Real)
(define-fun t () Real (- c d))
(assert (not (= (* g (- x d) (- x d))
                (+ (* g (- x c) (- x c)) (* 2 t (* g (- x c))) (* t t g)))))

;; translation-transport: degree 3, pointwise
(declare-const x Real) (declare-const g Real) (declare-const c Real) (declare-const d Real)
(define-fun t () Real (- c d))
(define-fun u () Real (- x c))
(assert (not (= (* g (- x d) (- x d) (- x d))
                (+ (* g u u u) (* 3 t (* g u u)) (* 3 t t (* g u)) (* t t t g)))))

;; translation-transport: the correction of all moments up to degree 3 is additive
(declare-const t Real)
(declare-const a0 Real) (declare-const a1 Real) (declare-const a2 Real) (declare-const a3 Real)
(declare-const b0 Real) (declare-const b1 Real) (declare-const b2 Real) (declare-const b3 Real)
(define-fun t3 ((s0 Real) (s1 Real) (s2 Real) (s3 Real)) Real
  (+ s3 (* 3 t s2) (* 3 t t s1) (* t t t s0)))
(define-fun t2 ((s0 Real) (s1 Real) (s2 Real)) Real (+ s2 (* 2 t s1) (* t t s0)))
(assert (not (and
  (= (t3 (+ a0 b0) (+ a1 b1) (+ a2 b2) (+ a3 b3)) (+ (t3 a0 a1 a2 a3) (t3 b0 b1 b2 b3)))
  (= (t2 (+ a0 b0) (+ a1 b1) (+ a2 b2)) (+ (t2 a0 a1 a2) (t2 b0 b1 b2)))
  (= (t3 0 0 0 0) 0) (= (t2 0 0 0) 0))))

;; translation-transport: corrections of moments compose (cocycle)
(declare-const t Real) (declare-const u Real)
(declare-const a0 Real) (declare-const a1 Real) (declare-const a2 Real)
(define-fun c1 ((k Real) (s0 Real) (s1 Real)) Real (+ s1 (* k s0)))
(define-fun c2 ((k Real) (s0 Real) (s1 Real) (s2 Real)) Real (+ s2 (* 2 k s1) (* k k s0)))
(assert (not (and
  (= (c1 u a0 (c1 t a0 a1)) (c1 (+ t u) a0 a1))
  (= (c2 u a0 (c1 t a0 a1) (c2 t a0 a1 a2)) (c2 (+ t u) a0 a1 a2)))))

;; translation-transport: Welford's step, the frame is the running mean
(declare-const n Real) (declare-const s Real) (declare-const x Real) (declare-const q Real)
; n points with sum s and sum of squares q; one more point x.
(assert (> n 0))
(define-fun mean () Real (/ s n))
(define-fun mean1 () Real (/ (+ s x) (+ n 1)))
(define-fun m2 () Real (- q (/ (* s s) n)))
(define-fun m21 () Real (- (+ q (* x x)) (/ (* (+ s x) (+ s x)) (+ n 1))))
(assert (not (= m21 (+ m2 (* (- x mean) (- x mean1))))))

;; separable: a covariance is a contraction of sums that no statistic enters
(declare-const x Real) (declare-const y Real) (declare-const u Real) (declare-const v Real)
(declare-const c Real) (declare-const d Real)
(assert (not (= (+ (* (- x c) (- u d)) (* (- y c) (- v d)))
                (+ (+ (* x u) (* y v)) (- (* d (+ x y))) (- (* c (+ u v))) (* 2 c d)))))

;; reassociation: a product is reassociated pointwise and its sums exchange
(declare-const a0 Real) (declare-const a1 Real)
(declare-const b00 Real) (declare-const b01 Real) (declare-const b10 Real) (declare-const b11 Real)
(declare-const c0 Real) (declare-const c1 Real)
(assert (not (= (+ (* (+ (* a0 b00) (* a1 b10)) c0) (* (+ (* a0 b01) (* a1 b11)) c1))
                (+ (* a0 (+ (* b00 c0) (* b01 c1))) (* a1 (+ (* b10 c0) (* b11 c1)))))))

;; reassociation: max distributes over plus, the tropical chain
(declare-const a Real) (declare-const b Real) (declare-const c Real) (declare-const d Real)
(declare-const u Real) (declare-const v Real)
(define-fun max2 ((x Real) (y Real)) Real (ite (>= x y) x y))
(assert (not (= (max2 (+ (max2 (+ a u) (+ b v)) c) d)
                (max2 (max2 (+ a (+ u c)) (+ b (+ v c))) d))))

;; interchange: a sum of sums is taken in either order (Fubini), attention backward
(declare-const a0 Real) (declare-const a1 Real)
(declare-const o0 Real) (declare-const o1 Real) (declare-const o2 Real)
(declare-const v00 Real) (declare-const v01 Real)
(declare-const v10 Real) (declare-const v11 Real)
(declare-const v20 Real) (declare-const v21 Real)
(assert (not (= (+ (* a0 (+ (* o0 v00) (* o1 v10) (* o2 v20)))
                   (* a1 (+ (* o0 v01) (* o1 v11) (* o2 v21))))
                (+ (* o0 (+ (* a0 v00) (* a1 v01)))
                   (* o1 (+ (* a0 v10) (* a1 v11)))
                   (* o2 (+ (* a0 v20) (* a1 v21)))))))

;; split: partial sums add up
(declare-const a Real) (declare-const b Real) (declare-const c Real) (declare-const d Real)
(assert (not (= (+ (+ (+ a b) c) d) (+ (+ a b) (+ c d)))))

;; split: partial products multiply
(declare-const a Real) (declare-const b Real) (declare-const c Real) (declare-const d Real)
(assert (not (= (* (* (* a b) c) d) (* (* a b) (* c d)))))

;; split: max and min are associative, commutative and idempotent
(declare-const a Real) (declare-const b Real) (declare-const c Real)
(define-fun max2 ((x Real) (y Real)) Real (ite (>= x y) x y))
(define-fun min2 ((x Real) (y Real)) Real (ite (<= x y) x y))
(assert (not (and (= (max2 (max2 a b) c) (max2 a (max2 b c))) (= (max2 a b) (max2 b a))
                  (= (max2 a a) a)
                  (= (min2 (min2 a b) c) (min2 a (min2 b c))) (= (min2 a b) (min2 b a))
                  (= (min2 a a) a))))

;; split: argmax with the smallest index is associative and commutative
(declare-datatypes ((Pair 0)) (((pair (value Real) (index Int)))))
(declare-const a Pair) (declare-const b Pair) (declare-const c Pair)
(define-fun best ((x Pair) (y Pair)) Pair
  (ite (or (< (value x) (value y)) (and (= (value x) (value y)) (< (index y) (index x)))) y x))
(assert (not (and (= (best (best a b) c) (best a (best b c)))
                  (= (best a b) (best b a)))))

;; split: merging (maximum, denominator, numerator) is associative, with a = e(m) > 0
(declare-const a Real) (declare-const b Real) (declare-const c Real)
(declare-const s Real) (declare-const t Real) (declare-const u Real)
(declare-const o Real) (declare-const p Real) (declare-const q Real)
(assert (and (> a 0) (> b 0) (> c 0)))
(define-fun max2 ((x Real) (y Real)) Real (ite (>= x y) x y))
(define-fun ab () Real (max2 a b))
(define-fun bc () Real (max2 b c))
(define-fun abc () Real (max2 ab c))
(define-fun left ((x Real) (y Real) (z Real)) Real
  (+ (* (+ (* x (/ a ab)) (* y (/ b ab))) (/ ab abc)) (* z (/ c abc))))
(define-fun right ((x Real) (y Real) (z Real)) Real
  (+ (* x (/ a abc)) (* (+ (* y (/ b bc)) (* z (/ c bc))) (/ bc abc))))
(assert (not (and (= (left s t u) (right s t u)) (= (left o p q) (right o p q)))))

;; split: merging (maximum, denominator) is commutative, with a = e(m) > 0
(declare-const a Real) (declare-const b Real) (declare-const s Real) (declare-const t Real)
(assert (and (> a 0) (> b 0)))
(define-fun max2 ((x Real) (y Real)) Real (ite (>= x y) x y))
(define-fun merge ((x Real) (k Real) (y Real) (l Real)) Real
  (+ (* k (/ x (max2 x y))) (* l (/ y (max2 x y)))))
(assert (not (= (merge a s b t) (merge b t a s))))

;; split: merging centred second moments (Chan) is what the moments of the union are
(declare-const n Real) (declare-const s Real) (declare-const q Real)
(declare-const k Real) (declare-const r Real) (declare-const w Real)
(assert (and (> n 0) (> k 0)))
(define-fun m2a () Real (- q (/ (* s s) n)))
(define-fun m2b () Real (- w (/ (* r r) k)))
(define-fun delta () Real (- (/ r k) (/ s n)))
(define-fun all () Real (- (+ q w) (/ (* (+ s r) (+ s r)) (+ n k))))
(assert (not (= all (+ m2a m2b (/ (* delta delta n k) (+ n k))))))

;; local-reductions: tile sums relative to tile maxima, then one combination (a = e(x) > 0)
(declare-const a Real) (declare-const b Real) (declare-const c Real) (declare-const d Real)
(assert (and (> a 0) (> b 0) (> c 0) (> d 0)))
(define-fun max2 ((p Real) (q Real)) Real (ite (>= p q) p q))
(define-fun l1 () Real (max2 a b))
(define-fun l2 () Real (max2 c d))
(define-fun g () Real (max2 l1 l2))
(assert (not (= (+ (/ a g) (/ b g) (/ c g) (/ d g))
                (+ (* (+ (/ a l1) (/ b l1)) (/ l1 g)) (* (+ (/ c l2) (/ d l2)) (/ l2 g))))))

;; unified-max: any constant in place of the maximum cancels, over the reals
(declare-const a Real) (declare-const b Real) (declare-const p Real) (declare-const g Real)
(assert (and (> a 0) (> b 0) (> p 0) (> g 0)))
(assert (not (= (/ (/ a g) (+ (/ a g) (/ b g))) (/ (/ a p) (+ (/ a p) (/ b p))))))

;; drop-max: without the maximum the same quotient, over the reals
(declare-const a Real) (declare-const b Real) (declare-const g Real)
(assert (and (> a 0) (> b 0) (> g 0)))
(assert (not (= (/ (/ a g) (+ (/ a g) (/ b g))) (/ a (+ a b)))))

;; raw-moments: E[x^2] - E[x]^2, over the reals
(declare-const x Real) (declare-const y Real) (declare-const z Real)
(define-fun mean () Real (/ (+ x y z) 3))
(assert (not (= (/ (+ (* (- x mean) (- x mean)) (* (- y mean) (- y mean))
                      (* (- z mean) (- z mean))) 3)
                (- (/ (+ (* x x) (* y y) (* z z)) 3) (* mean mean)))))

;; monotone: the order of softmax is the order of the logits
(declare-fun e (Real) Real)
(declare-const x Real) (declare-const y Real) (declare-const m Real) (declare-const s Real)
(assert (> s 0))
(assert (=> (< (- x m) (- y m)) (< (e (- x m)) (e (- y m)))))
(assert (=> (< (- y m) (- x m)) (< (e (- y m)) (e (- x m)))))
(assert (=> (= (- x m) (- y m)) (= (e (- x m)) (e (- y m)))))
(assert (not (= (< x y) (< (/ (e (- x m)) s) (/ (e (- y m)) s)))))

;; monotone: a strictly increasing map commutes with max
(declare-fun f (Real) Real)
(declare-const x Real) (declare-const y Real)
(define-fun max2 ((p Real) (q Real)) Real (ite (>= p q) p q))
(assert (=> (< x y) (< (f x) (f y)))) (assert (=> (< y x) (< (f y) (f x))))
(assert (not (= (max2 (f x) (f y)) (f (max2 x y)))))

;; monotone: a decreasing map turns max into min
(declare-fun f (Real) Real)
(declare-const x Real) (declare-const y Real)
(define-fun max2 ((p Real) (q Real)) Real (ite (>= p q) p q))
(define-fun min2 ((p Real) (q Real)) Real (ite (<= p q) p q))
(assert (=> (< x y) (> (f x) (f y)))) (assert (=> (< y x) (> (f y) (f x))))
(assert (not (= (max2 (f x) (f y)) (f (min2 x y)))))

;; cse: equal maps of equal elements are equal
(declare-fun f (Real Real) Real)
(declare-const a Real) (declare-const b Real) (declare-const c Real) (declare-const d Real)
(assert (and (= a c) (= b d)))
(assert (not (= (f a b) (f c d))))

;; cse: addition and multiplication commute, max does
(declare-const a Real) (declare-const b Real)
(define-fun max2 ((p Real) (q Real)) Real (ite (>= p q) p q))
(assert (not (and (= (+ a b) (+ b a)) (= (* a b) (* b a)) (= (max2 a b) (max2 b a)))))

;; inlining: a pointwise producer is its map
(declare-fun f (Real) Real) (declare-fun g (Real Real) Real)
(declare-const x Real) (declare-const y Real) (declare-const t Real)
(assert (= t (f x)))
(assert (not (= (g t y) (g (f x) y))))

;; running-quotient: a step that divides by the previous sum, where that sum is not zero
(declare-const a Real) (declare-const b Real) (declare-const y Real) (declare-const z Real)
; FuseMax Cascade 3: RY' = RY + a b, RZ' = RZ RY'/RY + RY' a, invariant RZ = RY sum(a).
(declare-const s Real)
(assert (not (= y 0)))
(assert (= z (* y s)))
(define-fun y1 () Real (+ y (* a b)))
(assert (not (= (+ (* z (/ y1 y)) (* y1 a)) (* y1 (+ s a)))))
