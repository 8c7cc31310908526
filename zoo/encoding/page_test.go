package encoding_test

// A decoder written from docs/encoding.md and RFC 8878 alone, to prove that the page is enough. It shares no code with the package, is as
// plain as possible, and slow.

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

var errPage = errors.New("the page forbids this")

func decodeByThePage(file []byte) ([]byte, error) {
	u32 := func(at int) int { return int(binary.LittleEndian.Uint32(file[at:])) }
	if string(file[:8]) != "\x89\x42\x5a\x57\x0d\x0a\x1a\x0a" || u32(8) != 1 {
		return nil, errPage
	}
	chunkSize, regions, chunks := u32(12), u32(24), u32(28)
	tables := 32 + 16*regions + 72*chunks
	if sum := sha256.Sum256(file[:tables]); string(sum[:]) != string(file[tables:tables+32]) {
		return nil, errPage
	}
	var decoded []byte
	entry, coded := 32+16*regions, file[tables+32:]
	for i := range regions {
		at := 32 + 16*i
		width, rotation := int(file[at+8]), int(file[at+9])
		for left := int(binary.LittleEndian.Uint64(file[at:])); left > 0; left -= chunkSize {
			length := u32(entry)
			chunk, err := pageChunk(coded[:length], min(left, chunkSize), file[entry+4], width, rotation)
			if err != nil {
				return nil, fmt.Errorf("chunk at %d: %w", len(decoded), err)
			}
			codedSum, decodedSum := sha256.Sum256(coded[:length]), sha256.Sum256(chunk)
			if string(codedSum[:]) != string(file[entry+8:entry+40]) || string(decodedSum[:]) != string(file[entry+40:entry+72]) {
				return nil, errPage
			}
			decoded = append(decoded, chunk...)
			coded = coded[length:]
			entry += 72
		}
	}
	if len(coded) != 0 || entry != tables || len(decoded) != int(binary.LittleEndian.Uint64(file[16:])) {
		return nil, errPage
	}
	return decoded, nil
}

func pageChunk(coded []byte, size int, method byte, width, rotation int) ([]byte, error) {
	if method == 0 {
		return coded, nil
	}
	var decoded []byte
	for elements := size / width; elements > 0; elements -= 65536 {
		n := min(elements, 65536)
		planes := make([][]byte, width)
		for k := range planes {
			length := int(coded[1]) + int(coded[2])*256 + int(coded[3])*65536
			kind, content := coded[0], coded[4:4+length]
			coded = coded[4+length:]
			var err error
			switch kind {
			case 0:
				planes[k] = content
			case 1:
				for range n {
					planes[k] = append(planes[k], content[0])
				}
			case 2:
				planes[k], err = pageHuffman(content, n)
			default:
				err = errPage
			}
			if err != nil {
				return nil, err
			}
		}
		for i := range n {
			var value uint64
			for k := range planes {
				value |= uint64(planes[k][i]) << (8 * k)
			}
			value = value>>rotation | value<<(8*width-rotation)
			for range width {
				decoded = append(decoded, byte(value))
				value >>= 8
			}
		}
	}
	if len(coded) != 0 {
		return nil, errPage
	}
	return decoded, nil
}

// pageHuffman decodes a block of kind 2 to n bytes.
func pageHuffman(content []byte, n int) ([]byte, error) {
	weights, rest, err := pageWeights(content)
	if err != nil {
		return nil, err
	}
	sum := 0
	for _, w := range weights {
		sum += 1 << w >> 1
	}
	length := bits.Len(uint(sum))
	missing := 1<<length - sum
	weights = append(weights, bits.Len(uint(missing)))
	type code struct {
		value byte
		bits  int
	}
	var table []code
	for w := 1; w <= length; w++ {
		for value, weight := range weights {
			for range 1 << w >> 1 {
				if weight == w {
					table = append(table, code{byte(value), length + 1 - w})
				}
			}
		}
	}
	if missing&(missing-1) != 0 || len(table) != 1<<length || length > 11 {
		return nil, errPage
	}
	var plane []byte
	streams := rest[6:]
	for s := range 4 {
		size, count := len(streams), n-3*((n+3)/4)
		if s < 3 {
			size, count = int(binary.LittleEndian.Uint16(rest[2*s:])), (n+3)/4
		}
		reader := newBackwards(streams[:size])
		for range count {
			found := table[reader.peek(length)]
			plane = append(plane, found.value)
			reader.at -= found.bits
		}
		if reader.at != 0 {
			return nil, errPage
		}
		streams = streams[size:]
	}
	return plane, nil
}

// backwards reads a stream from its last bit to its first. at is the number of bits that are left.
type backwards struct {
	stream []byte
	at     int
}

func newBackwards(stream []byte) *backwards {
	last := stream[len(stream)-1]
	return &backwards{stream, 8*len(stream) - 8 + bits.Len8(last) - 1}
}

// peek returns the next n bits; beyond the beginning they are zero.
func (b *backwards) peek(n int) int {
	value := 0
	for i := range n {
		value *= 2
		if at := b.at - 1 - i; at >= 0 {
			value += int(b.stream[at/8] >> (at % 8) & 1)
		}
	}
	return value
}

func (b *backwards) take(n int) int {
	value := b.peek(n)
	b.at -= n
	return value
}

func pageWeights(content []byte) (weights []int, rest []byte, err error) {
	h := int(content[0])
	if h >= 128 {
		count := h - 127
		for i := range count {
			b := content[1+i/2]
			if i%2 == 0 {
				b >>= 4
			}
			weights = append(weights, int(b&15))
		}
		return weights, content[1+(count+1)/2:], nil
	}
	weights, err = pageFSE(content[1 : 1+h])
	return weights, content[1+h:], err
}

// pageFSE decodes weights that are compressed with FSE: RFC 8878, section 4.1.
func pageFSE(coded []byte) ([]int, error) {
	bit := 0 // the description is read forwards, lowest bit first
	peek := func(n int) int {
		value := 0
		for i := range n {
			if at := bit + i; at < 8*len(coded) {
				value |= int(coded[at/8]>>(at%8)&1) << i
			}
		}
		return value
	}
	accuracy := peek(4) + 5
	bit += 4
	var probabilities []int
	for remaining := 1<<accuracy + 1; remaining > 1; {
		width := bits.Len(uint(remaining))
		value := peek(width)
		lower := value & (1<<(width-1) - 1)
		short := 1<<width - 1 - remaining
		switch {
		case lower < short:
			value = lower
			bit += width - 1
		case value >= 1<<(width-1):
			value -= short
			bit += width
		default:
			bit += width
		}
		probability := value - 1
		probabilities = append(probabilities, probability)
		remaining -= max(probability, -probability)
		for probability == 0 {
			zeros := peek(2)
			bit += 2
			probabilities = append(probabilities, make([]int, zeros)...)
			if zeros < 3 {
				break
			}
		}
	}
	if accuracy > 6 {
		return nil, errPage
	}
	return pageStates(pageTable(probabilities, accuracy), accuracy, newBackwards(coded[(bit+7)/8:])), nil
}

type fseState struct{ symbol, bits, base int }

// pageTable spreads the symbols: those of probability -1 from the end, the others in steps.
func pageTable(probabilities []int, accuracy int) []fseState {
	size := 1 << accuracy
	table := make([]fseState, size)
	high := size - 1
	for symbol, p := range probabilities {
		if p == -1 {
			table[high].symbol = symbol
			high--
		}
	}
	position := 0
	for symbol, p := range probabilities {
		for range p {
			table[position].symbol = symbol
			for next := true; next; next = position > high {
				position = (position + size>>1 + size>>3 + 3) & (size - 1)
			}
		}
	}
	next := make([]int, len(probabilities))
	for symbol, p := range probabilities {
		next[symbol] = max(p, -p)
	}
	for i := range table {
		s := &table[i]
		state := next[s.symbol]
		next[s.symbol]++
		s.bits = accuracy + 1 - bits.Len(uint(state))
		s.base = state<<s.bits - size
	}
	return table
}

// pageStates takes symbols from two states in turn until the stream is used up, then the last one of the other state.
func pageStates(table []fseState, accuracy int, stream *backwards) []int {
	states := [2]fseState{table[stream.take(accuracy)], table[stream.take(accuracy)]}
	var symbols []int
	for i := 0; ; i ^= 1 {
		symbols = append(symbols, states[i].symbol)
		if stream.at < states[i].bits {
			return append(symbols, states[i^1].symbol)
		}
		states[i] = table[states[i].base+stream.take(states[i].bits)]
	}
}
