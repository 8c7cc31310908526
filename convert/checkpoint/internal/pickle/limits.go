package pickle

// Limits bound what a pickle may ask for. They are checked before anything is allocated, because a Go program does not survive running out
// of memory.
type Limits struct {
	// Metadata is the number of bytes of the stream without its large payloads.
	Metadata int64
	// Opcodes is the number of opcodes.
	Opcodes int64
	// MarkDepth is the number of MARKs open at a time: each costs the machine 400 bytes.
	MarkDepth int
	// Memo is the largest index of the memo.
	Memo int64
	// Memory is an estimate, in bytes, of what the machine and the values hold together.
	Memory int64
}

// DefaultLimits leave room for a training checkpoint of about eight thousand tensors, at 6 kB each. One of BEiT large has 1,250.
// Hostile input stays below 100 MB of memory.
var DefaultLimits = Limits{
	Metadata:  64 << 20,
	Opcodes:   1_000_000,
	MarkDepth: 1000,
	Memo:      2_000_000,
	Memory:    48 << 20,
}

const (
	// threshold is the payload size from which a Blob stands for it. No key, dtype code or class name is that long.
	threshold = 256
	// maxLine bounds a line of protocol 0.
	maxLine = 4 << 10
	// maxLong bounds the bytes of an integer: torch's magic number has 10, the state of NumPy's PCG64 17.
	maxLong = 64
	// highestProtocol is that of Python 3.8 and later.
	highestProtocol = 5
)
