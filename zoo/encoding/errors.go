package encoding

import (
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/errdef"
)

var (
	// ErrMalformed says that a file is not an encoded file, or that it is damaged or hostile.
	ErrMalformed = errdef.New(errdef.ErrInput, "malformed encoded weights")
	// ErrDigestMismatch says that the bytes are not those that were encoded. [DigestError] has the details.
	ErrDigestMismatch = errdef.New(errdef.ErrInput, "digest mismatch")
	// ErrRegions says that the regions given to Encode cannot describe a file.
	ErrRegions = errdef.New(errdef.ErrInput, "impossible regions")
)

// DigestError says which chunk is wrong.
type DigestError struct {
	// Chunk is its position in ChunkTable.Chunks.
	Chunk int
	// Coded reports that the encoded bytes are wrong. Otherwise they are right, but do not decode to the bytes that were encoded.
	Coded     bool
	Want, Got digest.Digest
}

func (e *DigestError) Error() string {
	which := "decoded"
	if e.Coded {
		which = "coded"
	}
	return fmt.Sprintf("chunk %d: %v of the %s bytes: want %s, got %s", e.Chunk, ErrDigestMismatch, which, e.Want, e.Got)
}

// Is makes a DigestError an ErrDigestMismatch, and an errdef.ErrInput: the file was verified before it is decoded, so its maker is at fault.
func (*DigestError) Is(kind error) bool { return kind == ErrDigestMismatch || kind == errdef.ErrInput }

func malformed(reason string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(reason, args...))
}
