package wheel

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// The members of wheels that are taken: for the CPU part what libtorch_cpu.so needs, with CUDA every library.
var (
	cpuMembers  = regexp.MustCompile(`^(torch/include/.*|torch/lib/lib(torch_cpu|c10|gomp[^/]*)\.so[^/]*|nvidia/.*/lib/lib(cudart|cupti)\.so[^/]*)$`)
	cudaMembers = regexp.MustCompile(`^(torch/include/.*|torch/lib/lib[^/]*\.so[^/]*|nvidia/.*/lib/[^/]+\.so[^/]*)$`)
)

// extract writes the members that are needed into folder and checks each against RECORD while writing.
func extract(ctx context.Context, path, folder string, cuda bool) error {
	text, err := readMember(path, "RECORD")
	if err != nil {
		return err
	}
	sums, err := parseRecord(text)
	if err != nil {
		return err
	}
	archive, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	wanted := cpuMembers
	if cuda {
		wanted = cudaMembers
	}
	for _, member := range archive.File {
		if !wanted.MatchString(member.Name) || strings.HasSuffix(member.Name, "/") {
			continue
		}
		if err := extractMember(ctx, member, folder, sums[member.Name]); err != nil {
			return err
		}
	}
	return nil
}

// parseRecord maps members to their checksums. The lines are such as "torch/lib/libc10.so,sha256=...,1469953".
func parseRecord(text string) (map[string]string, error) {
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("RECORD: %w", err)
	}
	sums := make(map[string]string, len(rows))
	for _, row := range rows {
		if len(row) > 1 {
			sums[row[0]] = row[1]
		}
	}
	return sums, nil
}

// extractMember writes one member. Sum is its "sha256=..." in RECORD.
func extractMember(ctx context.Context, member *zip.File, folder, sum string) error {
	if !filepath.IsLocal(member.Name) {
		return fmt.Errorf("%q leads out of the folder for the wheel", member.Name)
	}
	path := filepath.Join(folder, member.Name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	content, err := member.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644|member.Mode()&fs.FileMode(0o111))
	if err != nil {
		return err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(file, hash), cancelReader{ctx, content}); err != nil {
		return fmt.Errorf("%q: %w", member.Name, err)
	}
	if got := "sha256=" + base64.RawURLEncoding.EncodeToString(hash.Sum(nil)); got != sum {
		return &ChecksumError{Member: member.Name}
	}
	return file.Close()
}

// cancelReader reads until ctx ends.
type cancelReader struct {
	ctx context.Context //nolint:containedctx // a reader for one call
	io.Reader
}

func (r cancelReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}
