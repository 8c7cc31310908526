package place_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/zoo/place"
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
		opened, closer, err := place.Open(t.Context(), address, place.Options{})
		if !errors.Is(err, want.err) || err != nil && want.err == nil {
			t.Errorf("%s: error is %v, want %v", address, err, want.err)
		}
		var wrong *place.AddressError
		if strings.Contains(address, "://") && err != nil && (!errors.As(err, &wrong) || wrong.Hint() == "") {
			t.Errorf("%s: error is a %T", address, err)
		}
		if _, err := place.OpenDestination(t.Context(), address, place.Options{}); (err == nil) != want.writeable {
			t.Errorf("%s as destination: %v", address, err)
		}
		if err != nil {
			continue
		}
		if opened.String() != want.name || opened.Local() != want.local {
			t.Errorf("%s is %s, local %v", address, opened, opened.Local())
		}
		if err := closer.Close(); err != nil {
			t.Error(err)
		}
	}
}
