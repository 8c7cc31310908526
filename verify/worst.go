package verify

import (
	"context"

	"github.com/beitzoo/beitzoo/verify/recording"
)

// Worst verifies the subject beside each of the recordings in the files of these paths, or beside the oracle if there are none, and returns the
// verdict that speaks most against it: a Result that is not OK, or else the one that is nearest to its tolerance at the logits. path is that of the
// recording that it is about, or empty for the oracle. Whoever publishes weights states this verdict.
func Worst(ctx context.Context, subject Subject, recordings []string, options Options) (worst *Result, path string, err error) {
	if len(recordings) == 0 {
		worst, err = Verify(ctx, subject, Oracle(), options)
		return worst, "", err
	}
	references := make([]Reference, len(recordings)) // all are read first: a broken one is found before hours of computing
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
