package pickle

import (
	"encoding/binary"
	"strconv"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/opcode"
)

// slot reads the index of a memo opcode.
func (s *scanner) slot(o operation) (int64, bool) {
	var index int64
	if o.row.form == line {
		parsed, err := strconv.ParseInt(string(o.argument), 10, 64)
		if err != nil || parsed < 0 {
			s.fail("a memo index that is not a number")
			return 0, false
		}
		index = parsed
	} else {
		var wide [8]byte
		copy(wide[:], o.argument)
		index = int64(binary.LittleEndian.Uint64(wide[:]))
	}
	if index > s.limits.Memo {
		s.failure = checkpoint.Unsafe("memo index %d; %d is the limit", index, s.limits.Memo)
		return 0, false
	}
	return index, true
}

func (s *scanner) get(o operation) {
	index, ok := s.slot(o)
	if !ok {
		return
	}
	if !s.memo.has(index) {
		s.fail("memo slot %d is used before it is set", index)
		return
	}
	s.emit(opcode.LongBinGet)
	s.stream.Code = binary.LittleEndian.AppendUint32(s.stream.Code, uint32(index))
}

func (s *scanner) put(o operation) {
	index, ok := s.slot(o)
	if !ok {
		return
	}
	s.memo.set(index)
	s.emit(opcode.LongBinPut)
	s.stream.Code = binary.LittleEndian.AppendUint32(s.stream.Code, uint32(index))
}

// memoize uses the number of filled slots as index, as the machine does.
func (s *scanner) memoize(o operation) {
	if s.memo.count >= s.limits.Memo {
		s.failure = checkpoint.Unsafe("more than %d memo slots", s.limits.Memo)
		return
	}
	s.memo.set(s.memo.count)
	s.copy(o)
}

// memoSlots is the set of memo slots in use, as bits.
type memoSlots struct {
	bits  []uint64
	count int64
}

func (m *memoSlots) has(slot int64) bool {
	return slot>>6 < int64(len(m.bits)) && m.bits[slot>>6]&(1<<(slot&63)) != 0
}

func (m *memoSlots) set(slot int64) {
	for slot>>6 >= int64(len(m.bits)) {
		m.bits = append(m.bits, 0)
	}
	if !m.has(slot) {
		m.count++
	}
	m.bits[slot>>6] |= 1 << (slot & 63)
}
