package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestPlacesThatFail runs the program against web servers and registries that refuse: the place and the cause come first, and the hint says what to do. The
// exit code is that of the network, and nothing is said about the name.
func TestPlacesThatFail(t *testing.T) {
	home(t)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("REGISTRY_AUTH_FILE", t.TempDir()+"/auth.json")
	refuse := func(status int, body string, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}
	}
	listed := func(code, message string) string {
		return fmt.Sprintf(`{"errors":[{"code":%q,"message":%q}]}`, code, message)
	}
	for _, c := range []struct {
		name     string
		registry bool
		answer   http.HandlerFunc
		says     string
		hint     string
	}{
		{"login", false, refuse(401, ""), "could not be asked: not authorised (HTTP status 401)", "--token-for 127.0.0.1:"},
		{"forbidden", false, refuse(403, "<title>Members only</title>"), `the server says "Members only"`, "BEITZOO_TOKEN"},
		{"conflict", false, refuse(409, "<?xml version=\"1.0\"?><Error><Message>Public access is not permitted.</Message></Error>"), `"Public access is not permitted."`, "another source"},
		{"nothing", false, http.NotFound, "nothing is published at http://", "check the address"},
		{"page", false, refuse(200, "\n<!doctype html><title>Welcome</title>"), `a web page, "Welcome"`, "in a browser"},
		{"compressed", false, refuse(200, "x", "Content-Encoding", "gzip"), `content encoding "gzip"`, "without compression"},
		{"moved in a circle", false, refuse(302, "", "Location", "/index.yaml"), "more than 10 redirects", "in a browser"},
		{"basic", true, refuse(401, listed("UNAUTHORIZED", "authentication required"), "WWW-Authenticate", `Basic realm="zoo"`), "could not be asked: not authorised", "docker login"},
		{"denied", true, refuse(403, listed("DENIED", "requested access to the resource is denied")), `"denied: requested access to the resource is denied"`, "ask the owner"},
		{"quota", true, refuse(402, listed("", "the quota of this account is used up")), "the quota of this account is used up", "quota"},
		{"nobody knows it", true, refuse(404, listed("NAME_UNKNOWN", "repository name not known to registry")), "nothing is published at oci://", "check the address"},
		{"no registry", true, refuse(405, "<title>405 Not Allowed</title>"), "HTTP status 405", "check the address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			address := server.URL
			if c.registry {
				address = "oci://" + strings.TrimPrefix(server.URL, "http://") + "/owner/zoo"
			}
			code, _, said := runHere(t, "pull", "flowers", "--zoo", address)
			if code != exitNetwork {
				t.Errorf("exit code %d", code)
			}
			if !strings.Contains(said, c.says) || !strings.Contains(said, "hint: ") || !strings.Contains(said, c.hint) {
				t.Errorf("it says %q; want %q and %q", said, c.says, c.hint)
			}
			if strings.Contains(said, "the zoo has no") || !strings.Contains(said, address) {
				t.Errorf("it says %q", said)
			}
		})
	}
}

// TestListWithoutOnePlace lists what the other places have, and ends with the exit code of the network.
func TestListWithoutOnePlace(t *testing.T) {
	home(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	code, out, errs := runHere(t, "list", "--zoo", gone.URL)
	if code != exitNetwork || !strings.Contains(out, "digits_p16_64") || !strings.Contains(errs, gone.URL+" could not be asked") || !strings.Contains(errs, "nothing listens there") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	if strings.Count(errs, gone.URL) != 1 {
		t.Errorf("it is said more than once: %q", errs)
	}
	if code, out, _ = runHere(t, "list", "--offline", "--zoo", "https://example.org/zoo"); code != exitNetwork || !strings.Contains(out, "digits_p16_64") {
		t.Errorf("offline: exit code %d, %q", code, out)
	}
}

// TestPlainHTTP: a registry that is not on this machine gets https unless the user asks for http. The address 0.0.0.0 leads to this machine, but does not look
// like it.
func TestPlainHTTP(t *testing.T) {
	home(t)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	address := "oci://" + strings.Replace(server.URL, "http://127.0.0.1", "0.0.0.0", 1) + "/owner/zoo"
	for flag, want := range map[string]string{"--quiet": "with --plain-http", "--plain-http": "nothing is published at " + address} {
		code, _, said := runHere(t, "pull", "flowers", "--zoo", address, flag)
		if code != exitNetwork || !strings.Contains(said, want) {
			t.Errorf("%s: exit code %d, %q", flag, code, said)
		}
	}
}
