package relation

// Apply returns what the steps make of a tensor, in new memory, and false if they do not tell: because the relation is a reverse one, or the values were only
// close, in an unknown order, or different in a part in an unknown way.
func (r *Relation) Apply(t Tensor) (Tensor, bool) {
	if r == nil || r.Reverse || !t.whole() {
		return Tensor{}, false
	}
	form := Tensor{append([]float64(nil), t.Values...), t.Shape}
	for _, s := range r.Steps {
		var ok bool
		if form, ok = s.apply(form); !ok {
			return Tensor{}, false
		}
	}
	return form, true
}

func (s Step) apply(t Tensor) (Tensor, bool) {
	switch s.Kind {
	case Transposed:
		return transpose(t, s.Axes)
	case Reshaped:
		if s.Split > 0 {
			t.Values = reread(t.Values, s.Split)
		}
		return Tensor{t.Values, s.Shape}, true
	case Permuted:
		return s.permute(t), true
	case OneValue:
		at := 0
		for i, n := range t.Shape {
			at = at*n + s.At[i]
		}
		t.Values[at] = s.Offset
		return t, true
	case Part:
		return s.applyPart(t)
	case Close, Reordered:
		return t, false
	}
	change := s.change(t)
	for i, v := range t.Values {
		t.Values[i] = change(i, v)
	}
	if s.Shape != nil {
		t.Shape = s.Shape
	}
	return t, true
}

// change returns what a step of arithmetic does to each value.
func (s Step) change(t Tensor) func(i int, v float64) float64 {
	switch s.Kind {
	case Negated:
		return func(_ int, v float64) float64 { return -v }
	case Scaled:
		return func(_ int, v float64) float64 { return s.Factor * v }
	case Shifted:
		return func(_ int, v float64) float64 { return v + s.Offset }
	case Affine:
		return func(_ int, v float64) float64 { return s.Factor*v + s.Offset }
	case ScaledEach:
		n, inner := t.Shape[s.Axes[0]], inside(t.Shape, s.Axes[0]+1)
		return func(i int, v float64) float64 { return s.Factors[i/inner%n] * v }
	case Rounded, Cut:
		for _, g := range grains {
			if g.dtype == s.DType && s.Kind == Rounded {
				return func(_ int, v float64) float64 { return g.round(v) }
			} else if g.dtype == s.DType {
				return func(_ int, v float64) float64 { return g.cut(v) }
			}
		}
	}
	return func(int, float64) float64 { return s.Offset }
}

// permute returns the tensor with the slices of its axes, taken as one, in another order.
func (s Step) permute(t Tensor) Tensor {
	joint := append(append(t.Shape[:s.Axes[0]:s.Axes[0]], len(s.Permutation)), t.Shape[s.Axes[len(s.Axes)-1]+1:]...)
	return Tensor{gather(Tensor{t.Values, joint}, s.Axes[0], s.Permutation).Values, t.Shape}
}

func (s Step) applyPart(t Tensor) (Tensor, bool) {
	axis := s.Axes[0]
	made, ok := s.Within.Apply(gather(t, axis, s.Indices))
	if !ok {
		return t, false
	}
	n, inner := t.Shape[axis], inside(t.Shape, axis+1)
	for block := range len(t.Values) / n / inner {
		for k, i := range s.Indices {
			from := (block*len(s.Indices) + k) * inner
			copy(t.Values[(block*n+i)*inner:][:inner], made.Values[from:from+inner])
		}
	}
	return t, true
}
