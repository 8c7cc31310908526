package output

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"syscall"
)

// section is the writer for one part: it writes at the part's place, and nowhere else.
type section struct {
	ctx  context.Context
	job  *job
	at   int64
	left int64
	sum  uint32
}

func (s *section) Write(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, context.Cause(s.ctx)
	}
	if int64(len(p)) > s.left {
		return 0, fmt.Errorf("a part is longer than planned by %d bytes", int64(len(p))-s.left)
	}
	n, err := s.job.file.WriteAt(p, s.at)
	if s.job.summed {
		s.sum = crc32.Update(s.sum, crc32.IEEETable, p[:n])
	}
	if !s.job.options.NoSync {
		startSync(s.job.file, s.at, int64(n))
	}
	s.at += int64(n)
	s.left -= int64(n)
	if progress := s.job.options.Progress; progress != nil {
		progress(s.job.done.Add(int64(n)), s.job.total)
	}
	if errors.Is(err, syscall.EFAULT) { // the system met the fault while it copied
		return n, ErrFault
	}
	return n, err
}
