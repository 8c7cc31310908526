package manifest

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/beit/arch"
)

const (
	// overhead is how many bytes a file may have besides its tensors: headers, names, the code of a TorchScript archive.
	overhead = 16 << 20
	// copies is how often a checkpoint may hold float32 tensors of the size of the weights: the weights, an average of them, two moments of the
	// optimizer.
	copies = 4
	// maxRecording bounds a recording, in bytes; 32 images of 512 pixels with every block of the largest model have about 6 GB.
	maxRecording = 8 << 30
	// minChunk and maxChunk bound the chunks of a blob, in bytes.
	minChunk = 1 << 16
	maxChunk = 1 << 30
)

func (c *checker) sources() {
	if len(c.manifest.Sources)+len(c.manifest.Blobs) == 0 && !c.unpublished {
		c.report("sources", "there is neither a source nor a blob, so there is nothing to pull")
	}
	seen := map[string]bool{}
	for i, s := range c.manifest.Sources {
		field := index("sources", i)
		c.check(join(field, "name"), CheckName(s.Name))
		c.unique(join(field, "name"), s.Name, seen)
		c.check(join(field, "address"), checkAddress(s.Address))
		c.oneOf(join(field, "format"), s.Format, c.known.Formats)
		c.oneOf(join(field, "scheme"), s.Scheme, c.known.Schemes)
		c.sourceSize(field, s)
	}
}

func (c *checker) sourceSize(field string, s Source) {
	if s.Digest != "" {
		c.digest(join(field, "digest"), s.Digest)
	}
	limit := int64(0)
	if c.config.Depth > 0 {
		limit = MaxCheckpoint(c.config)
	}
	if s.DigestPrefix != "" {
		c.check(join(field, "digest_prefix"), checkDigestPrefix(s))
	}
	if s.Size != 0 {
		c.size(join(field, "size"), s.Size, limit)
	}
	if s.Estimate != 0 {
		c.size(join(field, "estimate"), s.Estimate, limit)
	}
}

// minDigestPrefix is how many hexadecimal digits a digest_prefix has at least: by accident, one file in four thousand million begins like another.
const minDigestPrefix = 8

// checkDigestPrefix accepts the beginning of a digest, if the source does not state the whole.
func checkDigestPrefix(s Source) error {
	switch {
	case s.Digest != "":
		return errors.New("says less than the digest beside it: leave it out")
	case len(s.DigestPrefix) < minDigestPrefix || len(s.DigestPrefix) >= digest.SHA256.Size()*2:
		return fmt.Errorf("has %d digits; %d to %d are wanted", len(s.DigestPrefix), minDigestPrefix, digest.SHA256.Size()*2-1)
	case strings.Trim(s.DigestPrefix, "0123456789abcdef") != "":
		return errors.New("is not made of the digits 0 to 9 and a to f")
	}
	return nil
}

// checkAddress accepts the addresses that Pull can read without a password.
func checkAddress(address string) error {
	if name, embedded := strings.CutPrefix(address, EmbeddedScheme); embedded {
		return CheckName(name)
	}
	parsed, err := url.Parse(address)
	switch {
	case err != nil:
		return errors.New("is not an address")
	case parsed.Scheme != "https" && parsed.Scheme != "http":
		return fmt.Errorf("has the scheme %.20q; use https, http or embedded", parsed.Scheme)
	case parsed.Hostname() == "":
		return errors.New("names no host")
	case parsed.User != nil:
		return errors.New("has a password in it; put that into a netrc file")
	case parsed.Fragment != "":
		return errors.New("has a fragment, which is never sent to a server")
	}
	return nil
}

func (c *checker) blobs() {
	seen := map[string]bool{}
	for i, b := range c.manifest.Blobs {
		field := index("blobs", i)
		c.digest(join(field, "digest"), b.Digest)
		c.unique(join(field, "digest"), string(b.Digest), seen)
		c.oneOf(join(field, "encoding"), b.Encoding, append([]string{NoEncoding}, c.known.Encodings...))
		c.content(field, b)
		c.chunks(field, b)
	}
}

// content compares the sizes of a blob with what the architecture needs at its dtype.
func (c *checker) content(field string, b Blob) {
	c.floating(join(field, "dtype"), b.DType)
	if (b.Content == nil) != (b.Encoding == NoEncoding) {
		c.report(join(field, "content"), "must be given if there is an encoding, and only then")
		return
	}
	size := join(field, "size")
	if b.Content != nil {
		c.digest(join(field, "content.digest"), b.Content.Digest)
		c.size(size, b.Size, b.Content.Size+overhead)
		size = join(field, "content.size")
	}
	if need := c.bytes(b.DType); need > 0 {
		if got := b.Weights().Size; got < need || got > need+overhead {
			c.report(size, "is %d bytes, the tensors have %d", got, need)
		}
	}
}

func (c *checker) chunks(field string, b Blob) {
	if b.ChunkSize < minChunk || b.ChunkSize > maxChunk {
		c.report(join(field, "chunk_size"), "is outside of %d to %d bytes", minChunk, maxChunk)
		return
	}
	if want := (b.Size-1)/b.ChunkSize + 1; int64(len(b.Chunks)) != want {
		c.report(join(field, "chunks"), "has %d digests, the size needs %d", len(b.Chunks), want)
	}
	for i, chunk := range b.Chunks {
		c.digest(index(join(field, "chunks"), i), chunk)
	}
}

// size reports a number of bytes that no honest file of this architecture has.
func (c *checker) size(field string, size, limit int64) {
	if size < 1 || c.config.Depth > 0 && size > limit {
		c.report(field, "is %d bytes, a file of this architecture has at most %d", size, limit)
	}
}

// bytes returns the size in bytes of all canonical tensors of a type, or 0 if the type or the architecture is not known.
func (c *checker) bytes(dtype string) int64 {
	if c.config.Depth == 0 {
		return 0
	}
	return c.config.Parameters() * widths[dtype]
}

// MaxCheckpoint returns the size in bytes that no honest checkpoint of the architecture exceeds, in any format.
func MaxCheckpoint(config arch.Config) int64 {
	tokens := int64(config.Tokens())
	index := int64(config.Depth) * tokens * tokens * 8 // relative position indexes, 64-bit integers for each block
	return copies*(config.Parameters()*widths["F32"]+index) + overhead
}
