package hub

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
)

// DefaultEndpoint is the hub of Hugging Face.
const DefaultEndpoint = "https://huggingface.co"

// Site is a hub, and who asks it.
type Site struct {
	// Endpoint is the address of the hub, without a slash at the end; empty is DefaultEndpoint.
	Endpoint string
	// Token is sent to the host of Endpoint, and to no other, nor to any to which that redirects; and not over http, except on this machine.
	Token string
	// Offline says that the environment forbids asking the hub.
	Offline bool
}

func (s Site) endpoint() string { return cmp.Or(s.Endpoint, DefaultEndpoint) }

// Credentials return the token to the host of the endpoint alone.
func (s Site) Credentials() httpstore.Credentials { return httpstore.Bearer(s.host(), s.Token) }

// Address returns where a file at an address of the hub of Hugging Face is at this one, and other addresses as they are.
func (s Site) Address(address string) string {
	if rest, ok := strings.CutPrefix(address, DefaultEndpoint+"/"); ok {
		return s.endpoint() + "/" + rest
	}
	return address
}

// host returns the host of the endpoint, with its port if that is stated.
func (s Site) host() string {
	parsed, err := url.Parse(s.endpoint())
	if err != nil {
		return ""
	}
	return parsed.Host
}

// EnvironmentError says that a variable or a file with settings for the hub cannot be used.
type EnvironmentError struct {
	// What is the name of the variable or file.
	What string
	Err  error
}

func (e *EnvironmentError) Error() string { return e.What + ": " + e.Err.Error() }
func (e *EnvironmentError) Unwrap() error { return e.Err }

// Is makes an EnvironmentError an errdef.ErrUsage.
func (*EnvironmentError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do.
func (e *EnvironmentError) Hint() string { return "correct or unset " + e.What }

// maxToken is the length in bytes of the longest token; honest ones have less than 100.
const maxToken = 4 << 10

// FromEnvironment returns the Site that Hugging Face's own programs would use: HF_ENDPOINT, HF_TOKEN or else the file in which they keep the token after a login
// (HF_TOKEN_PATH, or "token" in HF_HOME, by default ~/.cache/huggingface), HF_HUB_DISABLE_IMPLICIT_TOKEN and HF_HUB_OFFLINE. Errors are of type *EnvironmentError.
func FromEnvironment() (Site, error) {
	site := Site{Endpoint: strings.TrimRight(os.Getenv("HF_ENDPOINT"), "/"), Offline: isSet(offlineVariable)}
	if parsed, err := url.Parse(site.endpoint()); err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" || parsed.User != nil {
		return site, &EnvironmentError{"HF_ENDPOINT", errors.New("it is not an http or https address")}
	}
	if isSet("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
		return site, nil
	}
	var err error
	if site.Token = strings.TrimSpace(cmp.Or(os.Getenv("HF_TOKEN"), os.Getenv("HUGGING_FACE_HUB_TOKEN"))); site.Token == "" {
		site.Token, err = savedToken()
	}
	if strings.ContainsFunc(site.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return site, &EnvironmentError{"HF_TOKEN", errors.New("a token has only letters, digits and signs")}
	}
	return site, err
}

// savedToken returns the token that a login left, or "".
func savedToken() (string, error) {
	file := os.Getenv("HF_TOKEN_PATH")
	if file == "" {
		home := os.Getenv("HF_HOME")
		if home == "" {
			caches := os.Getenv("XDG_CACHE_HOME")
			if user, err := os.UserHomeDir(); caches == "" && err == nil {
				caches = filepath.Join(user, ".cache")
			}
			home = filepath.Join(caches, "huggingface")
		}
		file = filepath.Join(home, "token")
	}
	raw, err := disk.ReadFile(file, maxToken)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", &EnvironmentError{file, fmt.Errorf("the token cannot be read: %w", err)}
	}
	return strings.TrimSpace(string(raw)), nil
}

// isSet reports whether a variable says yes, as Hugging Face's programs understand it.
func isSet(variable string) bool {
	return slices.Contains([]string{"1", "ON", "YES", "TRUE"}, strings.ToUpper(os.Getenv(variable)))
}

// offlineVariable is the environment variable that forbids asking the hub.
const offlineVariable = "HF_HUB_OFFLINE"
