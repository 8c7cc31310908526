package ocistore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// logins returns the logins that docker and podman keep. Those of docker count first. Files that do not exist have none.
func logins() (auth.CredentialFunc, error) {
	all, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return nil, &LoginError{Program: "docker", Err: err}
	}
	stores := []credentials.Store{all}
	for _, path := range podmanFiles() {
		of, err := credentials.NewStore(path, credentials.StoreOptions{})
		if err != nil {
			return nil, &LoginError{Program: "podman", Err: err}
		}
		stores = append(stores, of)
	}
	find := credentials.Credential(credentials.NewStoreWithFallbacks(stores[0], stores[1:]...))
	return func(ctx context.Context, host string) (auth.Credential, error) {
		login, err := find(ctx, host)
		if err != nil && ctx.Err() == nil {
			err = &store.SourceError{
				Source: host, Kind: store.ErrUnauthorized, Err: fmt.Errorf("looking up the login: %w", err),
				Advice: "install the helper that the file with the logins names, or log in again",
			}
		}
		return login, err
	}, nil
}

// podmanFiles returns the files in which podman, buildah and skopeo look for logins, the first first.
func podmanFiles() []string {
	if named := os.Getenv("REGISTRY_AUTH_FILE"); named != "" {
		return []string{named}
	}
	var files []string
	for _, variable := range []string{"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"} {
		if folder := os.Getenv(variable); folder != "" {
			files = append(files, filepath.Join(folder, "containers", "auth.json"))
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		files = append(files, filepath.Join(home, ".config", "containers", "auth.json"))
	}
	return files
}

// LoginError says that a file with logins for registries cannot be read.
type LoginError struct {
	// Program is the one that writes such files.
	Program string
	Err     error
}

func (e *LoginError) Error() string {
	return fmt.Sprintf("reading the logins of %s: %s", e.Program, e.Err)
}

func (e *LoginError) Unwrap() error { return e.Err }

// Is makes a LoginError an errdef.ErrInput.
func (*LoginError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to do.
func (e *LoginError) Hint() string {
	return fmt.Sprintf("mend or delete that file, and log in again with %s", e.Program)
}
