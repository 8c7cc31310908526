package httpstore

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Credentials return the Authorization header for an address, or "". They are called only for the host of a store's own address, never for one that a
// redirect leads to, and may be called from several goroutines.
type Credentials func(address *url.URL) string

// First returns credentials that try all in order. Nil ones are skipped.
func First(all ...Credentials) Credentials {
	return func(address *url.URL) string {
		for _, credentials := range all {
			if credentials == nil {
				continue
			}
			if authorization := credentials(address); authorization != "" {
				return authorization
			}
		}
		return ""
	}
}

// Bearer returns credentials that send a token to one host (with its port if that is not the usual one), and only over https. For this machine
// itself http is allowed.
func Bearer(host, token string) Credentials {
	return func(address *url.URL) string {
		if address.Host != host || token == "" || address.Scheme != "https" && !isLoopback(address) {
			return ""
		}
		return "Bearer " + token
	}
}

func isLoopback(address *url.URL) bool {
	name := address.Hostname()
	return name == "localhost" || name == "::1" || strings.HasPrefix(name, "127.")
}

// basic returns credentials that send the user information of an address to its host.
func basic(address *url.URL) Credentials {
	user := address.User
	origin := *address
	return func(asked *url.URL) string {
		if !sameOrigin(&origin, asked) {
			return ""
		}
		password, _ := user.Password()
		return basicHeader(user.Username(), password)
	}
}

func basicHeader(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// Netrc returns the logins of the file that the environment variable NETRC names, or of .netrc (on Windows _netrc) in the home folder. Without such a file
// it returns nil.
func Netrc() (Credentials, error) {
	path := os.Getenv("NETRC")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, nil
		}
		path = filepath.Join(home, ".netrc")
		if runtime.GOOS == "windows" {
			path = filepath.Join(home, "_netrc")
		}
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ParseNetrc(string(content)), nil
}

// ParseNetrc reads the text of a netrc file. As with curl, the first entry for a host counts, and the one called default is for all other hosts.
func ParseNetrc(text string) Credentials {
	type login struct{ user, password string }
	logins := map[string]*login{}
	current := &login{}
	words := strings.Fields(withoutMacros(text))
	for i := 0; i < len(words); i++ {
		word, value := words[i], ""
		if word != "default" && i+1 < len(words) {
			i++
			value = words[i]
		}
		switch word {
		case "machine", "default":
			current = &login{}
			if _, ok := logins[value]; !ok {
				logins[value] = current
			}
		case "login":
			current.user = value
		case "password":
			current.password = value
		}
	}
	return func(address *url.URL) string {
		found, ok := logins[address.Hostname()]
		if !ok {
			found, ok = logins[""]
		}
		if !ok {
			return ""
		}
		return basicHeader(found.user, found.password)
	}
}

// withoutMacros removes comments, and macros, which end at the next empty line.
func withoutMacros(text string) string {
	var kept []string
	inMacro := false
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		if inMacro = strings.HasPrefix(trimmed, "macdef") || inMacro && trimmed != ""; !inMacro && !strings.HasPrefix(trimmed, "#") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
