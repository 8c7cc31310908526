package pickle

import (
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/opcode"
)

// stack follows how many values lie on the machine's stack. A pickle has no jumps, so the count is exact.
type stack struct {
	depth int
	// marks are the depths at which a MARK is open.
	marks []int
}

// apply moves the stack, or says why the opcode cannot work.
func (s *stack) apply(row *instruction, maxMarks int) *checkpoint.Error {
	if row == &instructions[opcode.Mark] {
		if len(s.marks) == maxMarks {
			return checkpoint.Unsafe("more than %d MARKs are open", maxMarks)
		}
		s.marks = append(s.marks, s.depth)
		return nil
	}
	if row.toMark {
		if err := s.toMark(row); err != nil {
			return err
		}
	}
	if row == &instructions[opcode.Pop] && s.depth == s.floor() && len(s.marks) > 0 {
		s.marks = s.marks[:len(s.marks)-1] // POP right behind MARK takes the mark away
		return nil
	}
	if s.depth-s.floor() < row.take {
		return checkpoint.Malformed("%s needs %d values on the stack and finds %d", row.name, row.take, s.depth-s.floor())
	}
	s.depth += row.give - row.take
	return nil
}

func (s *stack) toMark(row *instruction) *checkpoint.Error {
	if len(s.marks) == 0 {
		return checkpoint.Malformed("%s without a MARK", row.name)
	}
	above := s.depth - s.floor()
	if row.pairs && above%2 != 0 {
		return checkpoint.Malformed("%s with a key that has no value", row.name)
	}
	if row == &instructions[opcode.Obj] && above == 0 {
		return checkpoint.Malformed("OBJ without a class")
	}
	s.depth = s.floor()
	s.marks = s.marks[:len(s.marks)-1]
	return nil
}

// floor is the depth below which values cannot be reached because of a MARK.
func (s *stack) floor() int {
	if len(s.marks) == 0 {
		return 0
	}
	return s.marks[len(s.marks)-1]
}

// left reports whether values or MARKs are left after STOP has taken the result.
func (s *stack) left() bool { return s.depth != 0 || len(s.marks) != 0 }
