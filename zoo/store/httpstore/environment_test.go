package httpstore_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
)

// childVariable makes the test program fetch an address and print what came: a process reads proxies and certificates from its environment only once.
const childVariable = "HTTPSTORE_TEST_FETCH"

func child() bool {
	address := os.Getenv(childVariable)
	if address == "" {
		return false
	}
	s, err := httpstore.New(address, httpstore.Options{})
	if err != nil {
		fmt.Println("error:", err)
		return true
	}
	content, err := read(context.Background(), s, unknown)
	if err != nil {
		fmt.Println("error:", err)
		return true
	}
	fmt.Printf("%s\n", content)
	return true
}

func fetchInChild(t *testing.T, address string, environment ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), append(environment, childVariable+"="+address)...)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return strings.TrimSpace(string(output))
}

func TestProxyFromEnvironment(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "proxied %s", r.RequestURI)
	}))
	defer proxy.Close()
	got := fetchInChild(t, "http://weights.invalid/file", "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=")
	if got != "proxied http://weights.invalid/file" {
		t.Errorf("got %q", got)
	}
}

func TestCertificateFromEnvironment(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("on this system the certificates of the system decide")
	}
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "trusted") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about the client that does not trust it
	server.StartTLS()
	defer server.Close()
	path := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := fetchInChild(t, server.URL, "SSL_CERT_FILE="+path); got != "trusted" {
		t.Errorf("with the certificate: got %q", got)
	}
	if got := fetchInChild(t, server.URL); !strings.Contains(got, "error:") || !strings.Contains(got, "certificate") {
		t.Errorf("without the certificate: got %q", got)
	}
}
