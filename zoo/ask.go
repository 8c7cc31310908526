package zoo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// UnreachablePlaceError says that a place could not be asked what it publishes. Nothing follows from that about what it has.
type UnreachablePlaceError struct {
	// Place is its name.
	Place string
	// Remembered is the index that was accepted from it last and is used in its place; nil if there is none, or it must not be used.
	Remembered *manifest.IndexDocument
	// Err is the cause; it is nil only among notices, if the network is off and Remembered has expired.
	Err error
}

func (e *UnreachablePlaceError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("the index of %s, version %d, expired at %s; it is used because the network is off", e.Place, e.Remembered.Version, e.Remembered.Expires)
	}
	said := e.Place + " could not be asked: " + causeAt(e.Place, e.Err)
	if e.Remembered != nil {
		said += fmt.Sprintf("; its index of version %d is used, which was accepted here before and is valid until %s", e.Remembered.Version, e.Remembered.Expires)
	}
	return said
}

func (e *UnreachablePlaceError) Unwrap() error { return e.Err }

// Is makes an UnreachablePlaceError an errdef.ErrNetwork.
func (*UnreachablePlaceError) Is(kind error) bool { return kind == errdef.ErrNetwork }

// Hint is that of the cause.
func (e *UnreachablePlaceError) Hint() string { return errdef.Hint(e.Err) }

// EmptyPlaceError says that a place was asked and has no index.
type EmptyPlaceError struct {
	Place string
	// Local reports that the place is on this machine.
	Local bool
	// Err is what the place said.
	Err error
}

func (e *EmptyPlaceError) Error() string {
	said := "nothing is published at " + e.Place
	if e.Local || e.Err == nil {
		return said
	}
	return said + ": " + causeAt(e.Place, e.Err)
}

func (e *EmptyPlaceError) Unwrap() error { return e.Err }

// Is makes an EmptyPlaceError an errdef.ErrNetwork and a store.ErrNotFound.
func (*EmptyPlaceError) Is(kind error) bool {
	return kind == errdef.ErrNetwork || kind == store.ErrNotFound
}

// Hint says what the address must be.
func (e *EmptyPlaceError) Hint() string {
	if e.Local {
		return "check the path: it is that of a folder into which something was published"
	}
	return "check the address: it is that of the folder that holds " + place.IndexFile + ", or of the repository; what is private may look absent without a login"
}

// causeAt returns the text of an error without the name of the place, if that comes before.
func causeAt(name string, err error) string {
	var source *store.SourceError
	if errors.As(err, &source) && strings.HasPrefix(err.Error(), source.Source+": ") {
		if strings.Contains(source.Source, strings.TrimPrefix(name, "oci://")) {
			return source.Cause()
		}
	}
	return err.Error()
}

// UnansweredError says that places could not be asked, or have nothing, so that it is not known whether they have what was asked for.
type UnansweredError struct {
	// Wanted is the name that was not found elsewhere; the zero value if everything was to be listed.
	Wanted manifest.Reference
	// Unread are entries of that name in the indexes that were accepted before, whose manifests are not on this machine.
	Unread []manifest.Reference
	// Problems are an *UnreachablePlaceError or *EmptyPlaceError for each place.
	Problems []error
}

func (e *UnansweredError) Error() string {
	var lines []string
	for _, problem := range e.Problems {
		lines = append(lines, problem.Error())
	}
	said := strings.Join(lines, "\n  ")
	switch {
	case e.Wanted.Name == "":
		return said + "; the list is not complete"
	case len(e.Unread) > 0:
		return said + "; " + e.Unread[0].String() + " is in its index, but its manifest is not on this machine"
	case e.hasUnreachable():
		return said + "; it is not known whether it has " + e.Wanted.String()
	}
	return said + ", so there is no " + e.Wanted.String()
}

func (e *UnansweredError) hasUnreachable() bool {
	var unreachable *UnreachablePlaceError
	return errors.As(errors.Join(e.Problems...), &unreachable)
}

func (e *UnansweredError) Unwrap() []error { return e.Problems }

// Is makes an UnansweredError an errdef.ErrNetwork.
func (*UnansweredError) Is(kind error) bool { return kind == errdef.ErrNetwork }

// Unanswered returns an *UnansweredError for those of the notices of Zoo.List that name a place that could not be asked, or nil if there are none. A place
// that was asked and is empty is not among them.
func Unanswered(notices []error) error {
	if places := unreachableOf(notices); len(places) > 0 {
		return &UnansweredError{Problems: places}
	}
	return nil
}

// unreachableOf returns the notices that name a place that could not be asked.
func unreachableOf(notices []error) []error {
	var places []error
	for _, notice := range notices {
		if place := (*UnreachablePlaceError)(nil); errors.As(notice, &place) && place.Err != nil {
			places = append(places, notice)
		}
	}
	return places
}

// emptyOf returns the notices that name a place that has nothing.
func emptyOf(notices []error) []error {
	var places []error
	for _, notice := range notices {
		if place := (*EmptyPlaceError)(nil); errors.As(notice, &place) {
			places = append(places, notice)
		}
	}
	return places
}

// notFound returns the error for a name that is in none of the indexes: err, a *manifest.NotFoundError, only if every place could be asked.
// unread are entries of that name whose manifests could not be fetched.
func (z *Zoo) notFound(wanted manifest.Reference, notices []error, unread []manifest.Reference, err error) error {
	empty, unreachable := emptyOf(notices), unreachableOf(notices)
	var missing *manifest.NotFoundError
	switch {
	case !errors.As(err, &missing):
		return err
	case len(unreachable) > 0, len(empty) > 0 && len(empty) == len(z.options.Places):
		return &UnansweredError{Wanted: wanted, Unread: unread, Problems: append(unreachable, empty...)}
	}
	return errors.Join(append([]error{err}, empty...)...)
}

// fromPlace is what one place publishes.
type fromPlace struct {
	listed  []Listing
	notices []error
	err     error
}

// askAll asks all places at once. The results are in the order of Options.Places.
func (z *Zoo) askAll(ctx context.Context) []fromPlace {
	answers := make([]fromPlace, len(z.options.Places))
	var group sync.WaitGroup
	for i, place := range z.options.Places {
		group.Go(func() { answers[i] = z.ask(ctx, place) })
	}
	group.Wait()
	return answers
}

// ask lists what a place publishes. If it cannot be asked, its remembered index is used if it has not expired.
func (z *Zoo) ask(ctx context.Context, from place.Place) fromPlace {
	listed, notices, err := z.listPlace(ctx, from)
	var empty *EmptyPlaceError
	switch {
	case err == nil || isDeception(err):
		return fromPlace{listed, notices, err}
	case errors.As(err, &empty):
		return fromPlace{nil, []error{err}, nil}
	}
	unreachable := &UnreachablePlaceError{Place: from.String(), Err: err}
	if remembered, err := z.rememberedIndex(from); err == nil && remembered != nil && remembered.CheckFresh(from.String(), z.options.Now()) == nil {
		unreachable.Remembered = remembered.IndexDocument
		listed = listingsIn(remembered, from)
		for i := range listed {
			listed[i].remembered = true
		}
	}
	return fromPlace{listed, []error{unreachable}, nil}
}

// firstPatience is how long Resolve waits for places before it looks elsewhere.
const firstPatience = 10 * time.Second

// errSlow is the cause of a context that ended after firstPatience.
var errSlow = errdef.New(errdef.ErrNetwork, fmt.Sprintf("no answer within %v", firstPatience))

// askQuickly asks all places once and does not wait long. It is for names that may be known without those that do not answer.
func (z *Zoo) askQuickly(ctx context.Context) []fromPlace {
	once, cancel := context.WithTimeoutCause(store.Once(ctx), firstPatience, errSlow)
	defer cancel()
	return z.askAll(once)
}

// hasTemporary reports whether asking again may help.
func hasTemporary(notices []error) bool {
	for _, notice := range unreachableOf(notices) {
		if _, temporary := store.Temporary(notice); temporary || errors.Is(notice, errSlow) {
			return true
		}
	}
	return false
}
