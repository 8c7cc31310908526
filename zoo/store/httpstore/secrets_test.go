package httpstore_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// authorizations lists the Authorization headers that a server got, without repetitions.
func authorizations(s *storetest.Server) []string {
	var told []string
	for _, r := range s.Requests() {
		if len(told) == 0 || told[len(told)-1] != r.Authorization {
			told = append(told, r.Authorization)
		}
	}
	return told
}

// TestTokensStayAtTheirHost redirects from one host (a port is another host) to a second, and from there to a third and back to the first.
func TestTokensStayAtTheirHost(t *testing.T) {
	content := storetest.Random(1000, 1)
	blob := storetest.Describe(content, 0)
	for name, credentials := range map[string]func(host string) (httpstore.Credentials, string){
		"bearer": func(host string) (httpstore.Credentials, string) {
			return httpstore.Bearer(host, "t0ken"), "Bearer t0ken"
		},
		"netrc for all hosts": func(string) (httpstore.Credentials, string) {
			return httpstore.ParseNetrc("default login me password t0ken"), "Basic " + base64.StdEncoding.EncodeToString([]byte("me:t0ken"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			second := storetest.NewServer(t)
			second.Set("/file", content)
			first := storetest.NewServer(t, func(w http.ResponseWriter, x *storetest.Exchange) bool {
				switch x.Request.URL.Path {
				case "/elsewhere":
					return storetest.Status(302, "Location", second.URL+"/file")(w, x)
				case "/here":
					return storetest.Status(307, "Location", "/file")(w, x)
				case "/back":
					return storetest.Status(302, "Location", second.URL+"/return")(w, x)
				}
				return false
			})
			first.Set("/file", content)
			second.Misbehave(func(w http.ResponseWriter, x *storetest.Exchange) bool {
				return x.Request.URL.Path == "/return" && storetest.Status(302, "Location", first.URL+"/file")(w, x)
			})
			give, want := credentials(strings.TrimPrefix(first.URL, "http://"))
			read := func(path string) {
				s := file(t, first.URL+path, httpstore.Options{Credentials: give})
				if got, err := read(t.Context(), s, blob); err != nil || len(got) != 1000 {
					t.Errorf("%s: %v", path, err)
				}
			}
			read("/here")
			if diff := cmp.Diff([]string{want}, authorizations(first)); diff != "" {
				t.Errorf("same host (-want +got):\n%s", diff)
			}
			read("/elsewhere")
			if diff := cmp.Diff([]string{""}, authorizations(second)); diff != "" {
				t.Errorf("other host (-want +got):\n%s", diff)
			}
			read("/back")
			if diff := cmp.Diff([]string{want, ""}, authorizations(first)); diff != "" {
				t.Errorf("led back from another host (-want +got):\n%s", diff)
			}
		})
	}
}

// TestUserInformation wants the user information of an address to be sent as a login, and to be in no name.
func TestUserInformation(t *testing.T) {
	t.Parallel()
	server := storetest.NewServer(t)
	server.Set("/file", []byte("x"))
	s := file(t, strings.Replace(server.URL, "http://", "http://me:t0ken@", 1)+"/file?sig=s3cret", httpstore.Options{})
	if _, err := read(t.Context(), s, unknown); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Basic " + base64.StdEncoding.EncodeToString([]byte("me:t0ken"))}, authorizations(server)); diff != "" {
		t.Errorf("login (-want +got):\n%s", diff)
	}
	if s.Address() != server.URL+"/file" {
		t.Errorf("address is %q", s.Address())
	}
}

// TestErrorsHoldNoSecrets makes errors of every kind from an address full of secrets.
func TestErrorsHoldNoSecrets(t *testing.T) {
	content := storetest.Random(1000, 1)
	faults := map[string]storetest.Fault{
		"status": storetest.Status(500), "forbidden": storetest.Status(403), "cut": storetest.Cut(10), "stall": storetest.Stall(10),
		"page": storetest.Page(), "loop": storetest.Status(302, "Location", "?sig=s3cret"), "size": storetest.Change(content[1:]),
		"nowhere": storetest.Status(302, "Location", "https://127.0.0.1:1/?sig=s3cret"), "scheme": storetest.Status(302, "Location", "s3cret://x"),
		"ranges": storetest.IgnoreRanges(), "changed": storetest.Tag(`"new"`),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := storetest.NewServer(t, fault)
			server.Set("/file", content)
			address := strings.Replace(server.URL, "http://", "http://me:s3cret@", 1) + "/file?sig=s3cret#s3cret"
			s := file(t, address, httpstore.Options{Stall: time.Second, Credentials: func(*url.URL) string { return "Bearer s3cret" }})
			_, err := read(t.Context(), s, storetest.Describe(content, 0))
			_, rangeErr := s.FetchRange(t.Context(), unknown, `"old"`, store.Span{Offset: 1, Size: 5})
			_, statErr := s.Stat(t.Context(), unknown)
			if err == nil && rangeErr == nil && statErr == nil {
				t.Fatal("no error")
			}
			for _, err := range []error{err, rangeErr, statErr} {
				if name != "scheme" && err != nil && strings.Contains(err.Error(), "s3cret") {
					t.Errorf("a secret is in %q", err)
				}
			}
		})
	}
	if _, err := httpstore.New("http://me:s3cret@host:port:x/%zz", httpstore.Options{}); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("unreadable address: %v", err)
	}
}

func TestBearerNeedsEncryption(t *testing.T) {
	give := httpstore.Bearer("host", "token")
	for address, want := range map[string]string{
		"https://host/a": "Bearer token", "http://host/a": "", "https://host:444/a": "", "https://other/a": "", "https://sub.host/a": "",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := give(u); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}

func TestNetrc(t *testing.T) {
	basic := func(login string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(login)) }
	tests := []struct {
		name, text string
		want       map[string]string
	}{
		{"empty", "", map[string]string{"a": ""}},
		{"one line", "machine a login me password pw", map[string]string{"a": basic("me:pw"), "b": ""}},
		{"many lines", "machine a\n\tlogin me\n\tpassword pw\nmachine b login you password qw", map[string]string{"a": basic("me:pw"), "b": basic("you:qw")}},
		{"first counts", "machine a login me password pw machine a login you password qw", map[string]string{"a": basic("me:pw")}},
		{"default", "machine a login me password pw\ndefault login all password x", map[string]string{"a": basic("me:pw"), "b": basic("all:x")}},
		{"account", "machine a account machine login me password pw", map[string]string{"a": basic("me:pw")}},
		{
			"macro", "machine a login me password pw\nmacdef init\nmachine b login x password y\n\nmachine c login z password w",
			map[string]string{"a": basic("me:pw"), "b": "", "c": basic("z:w")},
		},
		{"comment", "# machine b login x password y\nmachine a login me password pw", map[string]string{"a": basic("me:pw"), "b": ""}},
		{"cut off", "machine a login", map[string]string{"a": basic(":")}},
		{
			"password that is a word of the format", "machine a login me password default machine b login you password qw",
			map[string]string{"a": basic("me:default"), "b": basic("you:qw"), "c": ""},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			give := httpstore.ParseNetrc(test.text)
			for host, want := range test.want {
				if got := give(&url.URL{Scheme: "https", Host: host}); got != want {
					t.Errorf("%s: got %q, want %q", host, got, want)
				}
			}
		})
	}
}
