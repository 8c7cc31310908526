package verify

import (
	"context"

	"github.com/beitzoo/beitzoo/verify/recording"
)

// Worst verifies the subject with each recording in the given files, or with the oracle if there are none, and returns the worst result: one that is not OK
// if there is one, else the one whose last tap is nearest to its tolerance. path is the file of that recording, or empty for the oracle. Publishers of
// weights state this result.
func Worst(ctx context.Context, subject Subject, recordings []string, options Options) (worst *Result, path string, err error) {
	if len(recordings) == 0 {
		worst, err = Verify(ctx, subject, Oracle(), options)
		return worst, "", err
	}
	references := make([]Reference, len(recordings)) // all are read first, to find a broken one before hours of computing
	for i, path := range recordings {
		recorded, err := recording.Read(ctx, path)
		if err != nil {
			return nil, "", err
		}
		references[i] = Recorded(path, recorded)
	}
	for i, reference := range references {
		result, err := Verify(ctx, subject, reference, options)
		if err != nil {
			return nil, "", err
		}
		if worst == nil || !result.OK || worst.OK && result.MaxAbs/result.Tolerance > worst.MaxAbs/worst.Tolerance {
			worst, path = result, recordings[i]
		}
	}
	return worst, path, nil
}
