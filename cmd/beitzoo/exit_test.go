package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

func TestExitCodes(t *testing.T) {
	unreachable := &store.SourceError{Source: "https://example.org", Kind: store.ErrUnreachable}
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{errDiffers, exitDiffers},
		{&zoo.NotVerifiedError{}, exitDiffers},
		{&usageError{}, exitUsage},
		{&output.NotFileError{}, exitUsage},
		{&convert.TargetError{}, exitUsage},
		{&naming.UnknownSchemeError{}, exitUsage},
		{&manifest.NotFoundError{}, exitUsage},
		{&arch.UnknownNameError{}, exitUsage},
		{&naming.WrapperError{}, exitUsage},
		{&convert.SameFileError{}, exitUsage},
		{&card.UnknownRecipeError{}, exitUsage},
		{&zoo.UnknownSourceError{}, exitUsage},
		{&place.AddressError{Err: store.ErrInvalid}, exitUsage},
		{&manifest.NameError{}, exitUsage},
		{&manifest.VersionError{}, exitUsage},
		{&trust.KeyError{Err: fs.ErrNotExist}, exitUsage},
		{&manifest.TakenError{}, exitUsage},
		{&manifest.BackwardsError{}, exitUsage},
		{&zoo.MixedPlacesError{}, exitUsage},
		{&store.SourceError{Kind: store.ErrReadOnly}, exitUsage},
		{&store.SourceError{Kind: store.ErrExists}, exitUsage},
		{checkpoint.Errorf(checkpoint.ErrMalformed, "x"), exitInput},
		{&naming.MismatchError{}, exitInput},
		{&manifest.Error{}, exitInput},
		{fmt.Errorf("a bundle: %w", store.ErrInvalid), exitInput},
		{&zoo.MislabelledError{}, exitInput},
		{&fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}, exitInput},
		{unreachable, exitNetwork},
		{&zoo.OfflineError{}, exitNetwork},
		{&store.SourceError{Kind: store.ErrNotWeights}, exitNetwork},
		{&store.SourceError{Kind: store.ErrUnauthorized}, exitNetwork},
		{&store.SourceError{Kind: store.ErrNotFound}, exitNetwork},
		{&store.SourceError{Kind: store.ErrChanged}, exitNetwork},
		{&store.SourceError{Kind: store.ErrUnreachable, Temporary: true}, exitNetwork},
		{&place.RaceError{}, exitNetwork},
		{&store.DigestError{}, exitDigest},
		{&store.SizeError{}, exitDigest},
		{&trust.SignatureError{}, exitDigest},
		{&manifest.IndexError{Kind: manifest.ErrRollback}, exitDigest},
		{&manifest.IndexError{Kind: manifest.ErrFreeze}, exitDigest},
		{&zoo.ChangedError{Err: &store.DigestError{}}, exitDigest},
		{&zoo.PullError{Problems: []error{unreachable, &store.DigestError{}}}, exitDigest},
		{&zoo.PullError{Problems: []error{unreachable}}, exitNetwork},
		{engine.ErrUnavailable, exitUnavailable},
		{&unfitError{}, exitUnavailable},
		{noLibtorch(), exitUnavailable},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, exitUnavailable},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT}, exitUnavailable},
		{&store.SourceError{Source: "a folder", Kind: store.ErrUnreachable, Err: syscall.ENOSPC}, exitUnavailable},
		{context.Canceled, exitInterrupted},
	} {
		err := c.err
		if err != nil {
			err = fmt.Errorf("doing something: %w", err)
		}
		if got := exitCode(err); got != c.want {
			t.Errorf("%T: exit code %d, want %d", errors.Unwrap(err), got, c.want)
		}
	}
}
