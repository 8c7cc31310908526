package main

import (
	"context"
	"errors"
	"syscall"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// Exit codes, documented in docs/command-line.md.
const (
	exitOK          = 0
	exitDiffers     = 1
	exitUsage       = 2
	exitInput       = 3
	exitNetwork     = 4
	exitDigest      = 5
	exitUnavailable = 6
	exitInterrupted = 130
)

// errDiffers is returned by commands whose answer is "no": verification failed, models differ. They have said why themselves.
var errDiffers = errors.New("differs")

// usageError is wrong use of the command line.
type usageError struct{ text, hint string }

func (e *usageError) Error() string { return e.text }
func (e *usageError) Hint() string  { return e.hint }

// exitCodes says which exit code an error asks for. The first rule that matches counts.
var exitCodes = []struct {
	matches func(error) bool
	code    int
}{
	{is(context.Canceled), exitInterrupted},
	{is(errDiffers), exitDiffers},
	{as[*usageError], exitUsage},
	{as[*arch.UnknownNameError], exitUsage},
	{as[*naming.UnknownSchemeError], exitUsage},
	{as[*naming.WrapperError], exitUsage},
	{as[*convert.TargetError], exitUsage},
	{as[*convert.SameFileError], exitUsage},
	{as[*card.UnknownRecipeError], exitUsage},
	{is(syscall.ENOSPC), exitUnavailable},
	{is(syscall.EDQUOT), exitUnavailable},
	{is(engine.ErrUnavailable), exitUnavailable},
	{as[*unfitError], exitUnavailable},
	{as[*zoo.NotVerifiedError], exitDiffers},
	{as[*zoo.UnknownSourceError], exitUsage},
	{as[*manifest.NotFoundError], exitUsage},
	{as[*place.AddressError], exitUsage},
	{as[*manifest.NameError], exitUsage},
	{as[*manifest.VersionError], exitUsage},
	{as[*trust.KeyError], exitUsage},
	{as[*manifest.TakenError], exitUsage},
	{as[*manifest.BackwardsError], exitUsage},
	{as[*zoo.MixedPlacesError], exitUsage},
	{as[*trust.SignatureError], exitDigest},
	{as[*manifest.IndexError], exitDigest},
	{is(store.ErrDigestMismatch), exitDigest},
	{is(store.ErrReadOnly), exitUsage},
	{is(store.ErrExists), exitUsage},
	{as[*place.RaceError], exitNetwork},
	{is(store.ErrUnreachable), exitNetwork},
	{is(store.ErrNotFound), exitNetwork},
	{is(store.ErrUnauthorized), exitNetwork},
	{is(store.ErrNotWeights), exitNetwork},
	{is(store.ErrChanged), exitNetwork},
	{is(errdef.ErrUsage), exitUsage},
}

// exitCode gives the code for an error; everything else is about what was read.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	for _, rule := range exitCodes {
		if rule.matches(err) {
			return rule.code
		}
	}
	return exitInput
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func as[E error](err error) bool {
	var target E
	return errors.As(err, &target)
}
