package verify

import "context"

func (v *verification) blame(ctx context.Context, r *Result) error { return nil }
