package fit

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckUsed(t *testing.T) {
	t.Parallel()
	folder := unpack(t)
	report, err := plan(t, folder).Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := report.CheckUsed(filepath.Join(folder, "engine")); err != nil {
		t.Errorf("an engine that copes: %v", err)
	}
	var lacking *StubbedError
	if err := report.CheckUsed(filepath.Join(folder, "greedy")); !errors.As(err, &lacking) {
		t.Fatalf("an engine that needs a stubbed function: %v", err)
	}
	if diff := cmp.Diff([]string{"atg_absent"}, lacking.Functions); diff != "" {
		t.Error(diff)
	}
}
