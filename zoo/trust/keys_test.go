package trust_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"

	"github.com/beitzoo/beitzoo/zoo/trust"
)

func file(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "minisign", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func publicKey(t testing.TB, name string) minisign.PublicKey {
	t.Helper()
	key, err := trust.ReadPublicKey(filepath.Join("testdata", "minisign", name))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func secretKey(t testing.TB) minisign.PrivateKey {
	t.Helper()
	key, err := trust.ReadSecretKey("testdata/minisign/open.key", nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestSignaturesOfTheMinisignTool checks what the minisign tool made.
func TestSignaturesOfTheMinisignTool(t *testing.T) {
	t.Parallel()
	content := file(t, "content.txt")
	ring := trust.Keyring{publicKey(t, "encrypted.pub"), publicKey(t, "open.pub")}
	for _, name := range []string{"encrypted", "open", "legacy"} {
		signature := file(t, "content."+name+".minisig")
		if _, err := ring.Check(name, content, signature); err != nil {
			t.Error(err)
		}
		for at := range content {
			changed := append([]byte(nil), content...)
			changed[at] ^= 1
			if _, err := ring.Check(name, changed, signature); !errors.Is(err, trust.ErrBadSignature) {
				t.Errorf("%s, byte %d changed: error is %v", name, at, err)
			}
		}
	}
}

func TestSecretKeyOfTheMinisignTool(t *testing.T) {
	t.Parallel()
	path := "testdata/minisign/encrypted.key"
	key, err := trust.ReadSecretKey(path, func() (string, error) { return "correct horse", nil })
	if err != nil {
		t.Fatal(err)
	}
	if !publicKey(t, "encrypted.pub").Equal(key.Public()) {
		t.Error("the secret key does not belong to the public key")
	}
	if _, err := trust.ReadSecretKey(path, func() (string, error) { return "wrong", nil }); !errors.Is(err, trust.ErrPassword) {
		t.Errorf("error with a wrong password is %v", err)
	}
	if _, err := trust.ReadSecretKey(path, nil); !errors.Is(err, trust.ErrPassword) {
		t.Errorf("error without a password is %v", err)
	}
	if _, err := trust.ReadSecretKey("testdata/minisign/content.txt", nil); err == nil {
		t.Error("a text was taken for a key")
	}
}

func TestSign(t *testing.T) {
	t.Parallel()
	content := []byte("some content")
	signature := trust.Sign(secretKey(t), content, "what it is")
	if string(signature) != string(trust.Sign(secretKey(t), content, "what it is")) {
		t.Error("signing twice makes different signatures")
	}
	ring := trust.Keyring{publicKey(t, "open.pub")}
	if key, err := ring.Check("it", content, signature); err != nil || !key.Equal(publicKey(t, "open.pub")) {
		t.Errorf("key %v, error %v", key, err)
	}
	for name, test := range map[string]struct {
		ring      trust.Keyring
		signature []byte
		want      error
	}{
		"another key":       {trust.Keyring{publicKey(t, "encrypted.pub")}, signature, trust.ErrUnknownKey},
		"no key":            {nil, signature, trust.ErrUnknownKey},
		"no signature":      {ring, nil, trust.ErrNoSignature},
		"nonsense":          {ring, []byte("nonsense"), trust.ErrNoSignature},
		"of something else": {ring, file(t, "content.open.minisig"), trust.ErrBadSignature},
		"comment changed":   {ring, []byte(strings.Replace(string(signature), "what it is", "what it isn't", 1)), trust.ErrBadSignature},
	} {
		_, err := test.ring.Check("it", content, test.signature)
		var typed *trust.SignatureError
		if !errors.As(err, &typed) || !errors.Is(err, test.want) || typed.Hint() == "" {
			t.Errorf("%s: error is %v, want %v", name, err, test.want)
		}
	}
}

func TestReadPublicKey(t *testing.T) {
	t.Parallel()
	want := publicKey(t, "open.pub")
	if key, err := trust.ReadPublicKey(want.String()); err != nil || !key.Equal(want) {
		t.Errorf("the key itself: %v, %v", key, err)
	}
	for _, wrong := range []string{"", "no such file", "testdata/minisign/content.txt", "testdata"} {
		if _, err := trust.ReadPublicKey(wrong); err == nil {
			t.Errorf("%q was taken for a key", wrong)
		}
	}
}
