package zoo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/hub"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/pins"
)

// PullHub brings a model of the hub at Options.Hub into the cache, as [hub.Hub.Pull] does. Of options, Repin, SkipCheck, Progress, Notice and Streams count. refresh
// asks the hub whether the revision has moved, even if the cache has the model. If an entry of the program has the same model, a *KnownModelNotice says so.
func (z *Zoo) PullHub(ctx context.Context, reference hub.Reference, refresh bool, options PullOptions) (*hub.Snapshot, error) {
	pulled, err := z.hub().Pull(ctx, reference, z.hubOptions(refresh, options))
	if err == nil && !pulled.Cached && options.Notice != nil {
		if entries := z.EntriesFrom(reference); len(entries) > 0 {
			options.Notice(&KnownModelNotice{Reference: reference, Entries: entries})
		}
	}
	return pulled, err
}

// PlanHub returns what PullHub would fetch, without fetching it.
func (z *Zoo) PlanHub(ctx context.Context, reference hub.Reference, options PullOptions) (*hub.Snapshot, error) {
	return z.hub().Plan(ctx, reference, z.hubOptions(false, options))
}

func (z *Zoo) hub() *hub.Hub {
	return hub.New(hub.Options{
		Site: z.options.Hub, Cache: z.options.Cache, Records: pins.Open(z.options.State, z.options.Cache.Dir()),
		HTTP: z.options.HTTP, Retry: z.options.Retry, Offline: z.options.Offline,
	})
}

func (z *Zoo) hubOptions(refresh bool, options PullOptions) hub.PullOptions {
	how := hub.PullOptions{Repin: options.Repin, Refresh: refresh, SkipCheck: options.SkipCheck, Notice: options.Notice, Streams: options.Streams}
	if options.Progress != nil {
		how.Progress = func(done, total int64) { options.Progress(Downloading, done, total) }
	}
	return how
}

// EntriesFrom lists the entries of the program that have a source in a repository of the hub of Hugging Face.
func (z *Zoo) EntriesFrom(reference hub.Reference) []manifest.Reference {
	repository := hub.DefaultEndpoint + "/" + strings.ToLower(reference.Repository()) + "/"
	var entries []manifest.Reference
	for _, document := range z.embedded {
		if slices.ContainsFunc(document.Sources, func(s manifest.Source) bool { return strings.HasPrefix(strings.ToLower(s.Address), repository) }) {
			entries = append(entries, document.Reference())
		}
	}
	return entries
}

// KnownModelNotice says that entries of the program have a model of the hub as a source. It is an error only to stand among the notices.
type KnownModelNotice struct {
	Reference hub.Reference
	Entries   []manifest.Reference
}

func (n *KnownModelNotice) Error() string {
	var names []string
	for _, entry := range n.Entries {
		names = append(names, entry.Name)
	}
	return fmt.Sprintf("%s is a source of %s in the zoo, which also has labels, preprocessing and other sources", n.Reference, strings.Join(names, " and "))
}

// Is makes a KnownModelNotice an errdef.ErrInput.
func (*KnownModelNotice) Is(kind error) bool { return kind == errdef.ErrInput }
