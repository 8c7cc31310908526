package pickle

// Kind is the Python type of a payload.
type Kind uint8

// The kinds of payload.
const (
	KindBytes Kind = iota
	KindByteArray
	// KindString is a Python 2 string: raw bytes.
	KindString
	// KindText is UTF-8.
	KindText
)

var kindNames = [...]string{"bytes", "bytes", "bytes", "text"}

// Blob is a payload that was left in the file.
type Blob struct {
	// Offset and Length are in bytes of the scanned content.
	Offset, Length int64
	Kind           Kind
}
