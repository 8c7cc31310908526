package zoo_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/store"
)

func TestOpenPlace(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, []byte("no bundle"), 0o600); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]struct {
		name      string
		local     bool
		err       error
		writeable bool
	}{
		"https://zoo.example.org/weights/": {"https://zoo.example.org/weights", false, nil, false},
		folder:                             {folder, true, nil, true},
		filepath.Join(folder, "new"):       {err: fs.ErrNotExist, writeable: true},
		"oci://host":                       {err: store.ErrInvalid},
		file:                               {err: store.ErrInvalid},
		"ftp://example.org":                {err: store.ErrInvalid},
		"https://":                         {err: store.ErrInvalid},
	} {
		place, closer, err := zoo.OpenPlace(t.Context(), address, zoo.PlaceOptions{})
		if !errors.Is(err, want.err) || err != nil && want.err == nil {
			t.Errorf("%s: error is %v, want %v", address, err, want.err)
		}
		var wrong *zoo.AddressError
		if strings.Contains(address, "://") && err != nil && (!errors.As(err, &wrong) || wrong.Hint() == "") {
			t.Errorf("%s: error is a %T", address, err)
		}
		if _, err := zoo.OpenDestination(t.Context(), address, zoo.PlaceOptions{}); (err == nil) != want.writeable {
			t.Errorf("%s as destination: %v", address, err)
		}
		if err != nil {
			continue
		}
		if place.String() != want.name || place.Local() != want.local {
			t.Errorf("%s is %s, local %v", address, place, place.Local())
		}
		if err := closer.Close(); err != nil {
			t.Error(err)
		}
	}
}
