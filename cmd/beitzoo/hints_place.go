package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/hub"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// placeHint returns what the user can type about a place or a source that could not be asked, or "". Package store says what may be wrong; this function adds
// the flag for it.
func placeHint(err error) string {
	var (
		offline *zoo.OfflineError
		away    *hub.OfflineError
		changed *hub.ChangedError
		model   *beitzoo.NoSuchModelError
		refused *hub.Error
		source  *store.SourceError
	)
	switch {
	case errors.As(err, &changed):
		return changed.Hint() + fmt.Sprintf(": beitzoo pull %s --repin", changed.Reference)
	case errors.As(err, &model) && len(model.Entries) > 0:
		return fmt.Sprintf("%s: beitzoo pull %s", model.Hint(), model.Entries[0].Name)
	case errors.As(err, &away) && away.Variable != "":
		return fmt.Sprintf("unset %s once: beitzoo pull %s", away.Variable, away.Reference)
	case errors.As(err, &away):
		return fmt.Sprintf("leave out --offline once: beitzoo pull %s", away.Reference)
	case errors.As(err, &refused):
		return refused.Hint()
	case errors.As(err, &offline):
		return "leave out --offline once, or pull from a bundle: beitzoo pull NAME --bundle FILE"
	case !errors.As(err, &source):
		return ""
	case errors.Is(source, store.ErrUnencrypted) && isWebAddress(source.Source):
		return source.Hint() + ", with an address that begins with http://"
	case errors.Is(source, store.ErrUnencrypted):
		return source.Hint() + ", with --plain-http"
	case errors.Is(source, store.ErrUnauthorized) && isWebAddress(source.Source) && (source.Status == 401 || source.Status == 403):
		return source.Hint() + "; for a token, set BEITZOO_TOKEN and add --token-for " + hostOf(source.Source)
	}
	return errdef.Hint(source)
}

func isWebAddress(source string) bool {
	return strings.HasPrefix(source, "http://") || strings.HasPrefix(source, "https://")
}

func hostOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" {
		return "HOST"
	}
	return parsed.Host
}
