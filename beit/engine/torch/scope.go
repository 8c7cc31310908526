//go:build libtorch

package torch

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/sugarme/gotch/libtch"
)

// live counts the tensors of this package that were not freed yet.
var live atomic.Int64

// value is a tensor of libtorch, owned by the scope that made it, or in a listing the name of a variable. The zero value is an absent tensor.
type value struct {
	c        libtch.Ctensor
	variable string
}

// scope owns tensors and keeps the first error, after which its methods do nothing and return absent tensors. So a computation needs no checks between its
// steps; the caller checks err once, at the end. A scope belongs to the thread of one model.
type scope struct {
	err   error
	owned []value
	// holds has the code of programs that the scope shares with others.
	holds []string
	// listing, if not nil, is where operators are written down instead of computed.
	listing *listing
}

// call runs one operator of libtorch that returns one tensor.
func (s *scope) call(operator string, run func(out *libtch.Ctensor)) value {
	if s.listing != nil {
		s.fail(fmt.Errorf("%s can't be written as TorchScript", operator))
	}
	if s.err != nil {
		return value{}
	}
	var out value
	run(&out.c)
	return s.take(operator, out)
}

// operator is call, or in a listing another line of it.
func (s *scope) operator(name string, as line, run func(out *libtch.Ctensor)) value {
	if s.listing == nil {
		return s.call(name, run)
	}
	variable := s.listing.add(as)
	s.owned = append(s.owned, variable)
	return variable
}

// take takes ownership of the result of an operator, or keeps the exception that it threw.
func (s *scope) take(operator string, out value) value {
	if message := lastError(); message != "" {
		s.fail(newOperatorError(operator, message))
		return value{}
	}
	live.Add(1)
	s.owned = append(s.owned, out)
	return out
}

// fail keeps err, unless it is nil or there was an error before.
func (s *scope) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// reset returns and clears the error.
func (s *scope) reset() error {
	err := s.err
	s.err = nil
	return err
}

// close frees all tensors of the scope, and what it alone holds.
func (s *scope) close() {
	if s.listing != nil {
		return
	}
	for _, v := range s.owned {
		libtch.AtFree(v.c)
	}
	live.Add(-int64(len(s.owned)))
	s.owned = nil
	if s.holds != nil {
		s.release()
	}
}

// free frees a tensor of the scope before the scope ends.
func (s *scope) free(x value) {
	for i, v := range s.owned {
		if v == x {
			s.owned = slices.Delete(s.owned, i, i+1)
			libtch.AtFree(v.c)
			live.Add(-1)
			return
		}
	}
}

// replace frees old and returns its successor.
func (s *scope) replace(old, successor value) value {
	s.free(old)
	return successor
}

// adopt takes ownership of another scope's tensors.
func (s *scope) adopt(other *scope) {
	s.owned = append(s.owned, other.owned...)
	other.owned = nil
}

// move takes a tensor of another scope to this one.
func (s *scope) move(other *scope, x value) {
	if i := slices.Index(other.owned, x); i >= 0 {
		other.owned = slices.Delete(other.owned, i, i+1)
		s.owned = append(s.owned, x)
	}
}

// within runs part of a computation in a scope of its own, whose tensors are freed when part returns.
func (s *scope) within(part func(inner *scope)) {
	if s.err != nil {
		return
	}
	inner := &scope{listing: s.listing}
	defer inner.close()
	part(inner)
	s.fail(inner.err)
}

// keep runs part in a scope of its own and keeps only the tensor that it returns.
func (s *scope) keep(part func(inner *scope) value) value {
	var kept value
	s.within(func(inner *scope) {
		result := part(inner)
		if inner.err != nil {
			return
		}
		if slices.Contains(inner.owned, result) {
			s.move(inner, result)
			kept = result
		}
	})
	return kept
}
