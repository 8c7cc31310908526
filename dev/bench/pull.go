package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"github.com/beitzoo/beitzoo/manifests"
)

// benchPull compares pulling 1.4 GB from a server on this machine, which downloads, checks, converts and syncs, with downloading, checking and copying.
func benchPull(ctx context.Context, b *bench) error {
	source, err := b.large(ctx)
	if err != nil {
		return err
	}
	server := httptest.NewServer(http.FileServer(http.Dir(b.folder)))
	defer server.Close()
	address := server.URL + "/" + filepath.Base(source)
	path := filepath.Join(b.folder, "manifest.yaml")
	if err := sourceManifest(path, address); err != nil {
		return err
	}
	home, fetched, copied := filepath.Join(b.folder, "home"), filepath.Join(b.folder, "fetched"), filepath.Join(b.folder, "copied")
	same := func() { b.sameStart(source, home, fetched, copied) }
	contestants := []*contestant{
		{name: "`curl`, `openssl dgst -sha256`, `cp`", before: same, command: []string{
			"sh", "-c", `curl -fsS "$0" -o "$1" && openssl dgst -sha256 "$1" && cp "$1" "$2"`, address, fetched, copied,
		}},
		{name: "`beitzoo pull` (which converts and syncs)", before: same, command: []string{
			"env", "BEITZOO_HOME=" + home, b.beitzoo, "pull", largeName, "--manifest", path, "--quiet",
		}},
	}
	defer func() { os.RemoveAll(home); os.Remove(fetched); os.Remove(copied) }()
	if err := b.compete(ctx, contestants); err != nil {
		return err
	}
	table(contestants)
	return nil
}

const largeName = "beit_large_p16_512"

// sourceManifest writes the manifest of that model with one source.
func sourceManifest(path, address string) error {
	raw, err := manifests.Files.ReadFile(largeName + ".yaml")
	if err != nil {
		return err
	}
	var m map[string]any
	if err := yaml.Unmarshal(raw, &m); err != nil {
		return err
	}
	sources, ok := m["sources"].([]any)
	if !ok || len(sources) == 0 {
		return fmt.Errorf("the manifest of %s has no sources", largeName)
	}
	first, ok := sources[0].(map[string]any)
	if !ok {
		return fmt.Errorf("the first source of %s is not a table", largeName)
	}
	first["address"] = address
	m["sources"] = sources[:1]
	if raw, err = yaml.Marshal(m); err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}

// sameStart removes what the last contestant left. Then it fills and frees about as much memory and disk as each contestant will use: in a virtual
// machine, the first to use what another has freed waits for the host, and that would be the same contestant each time.
func (b *bench) sameStart(source string, outputs ...string) {
	fillers := []string{filepath.Join(b.folder, "filler0"), filepath.Join(b.folder, "filler1")}
	for _, path := range outputs {
		os.RemoveAll(path)
	}
	for _, filler := range fillers {
		if err := exec.Command("cp", source, filler).Run(); err != nil {
			fmt.Fprintln(os.Stderr, "bench: cp:", err)
		}
	}
	for _, filler := range fillers {
		os.Remove(filler)
	}
	if err := exec.Command("sync").Run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench: sync:", err)
	}
}
