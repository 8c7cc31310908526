package refusal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/beitzoo/beitzoo/internal/answer"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// meaning is what a status or an error code says.
type meaning struct {
	kind      error
	temporary bool
	advice    string
}

const (
	checkAddress = "check the address"
	tryLater     = "try again later; if it stays, tell the operator of the server"
	logIn        = "log in: with a line for this host in ~/.netrc, or a token; for some models you must first request access on their page"
	behindProxy  = "the server behind the proxy or content network does not answer: try again later"
)

// statuses are those of HTTP, and those that large proxies have added.
var statuses = map[int]meaning{
	http.StatusBadRequest:                   {store.ErrUnreachable, false, "check the address, also whether it begins with http or https"},
	http.StatusUnauthorized:                 {store.ErrUnauthorized, false, logIn},
	http.StatusPaymentRequired:              {store.ErrUnauthorized, false, "the account there has no credit or no quota left: ask its owner, or take another source"},
	http.StatusForbidden:                    {store.ErrUnauthorized, false, logIn},
	http.StatusNotFound:                     {store.ErrNotFound, false, "check the address; what is private looks absent without a login"},
	http.StatusMethodNotAllowed:             {store.ErrUnreachable, false, "check the address: the server does not hand out files there, or does not take any"},
	http.StatusNotAcceptable:                {store.ErrUnreachable, false, "check the address: the server has nothing there in a form that can be used"},
	http.StatusProxyAuthRequired:            {store.ErrUnauthorized, false, "the proxy wants a login: set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT"},
	http.StatusRequestTimeout:               {store.ErrUnreachable, true, "the line is slow or was interrupted: try again"},
	http.StatusConflict:                     {store.ErrUnreachable, false, "the server does not hand it out as it is now, often for good: take another source, or ask the publisher"},
	http.StatusGone:                         {store.ErrNotFound, false, "the publisher has removed it: take another source, or ask the publisher"},
	http.StatusLengthRequired:               {store.ErrUnreachable, false, tryLater},
	http.StatusPreconditionFailed:           {store.ErrChanged, false, "the file was replaced in the meantime: try again"},
	http.StatusRequestEntityTooLarge:        {store.ErrUnreachable, false, "the server or a proxy before it takes no files of this size: ask its operator to raise the limit"},
	http.StatusRequestURITooLong:            {store.ErrUnreachable, false, checkAddress},
	http.StatusUnsupportedMediaType:         {store.ErrUnreachable, false, "the server does not take files of this kind: it may be too old, or no registry at all"},
	http.StatusRequestedRangeNotSatisfiable: {store.ErrChanged, false, "the file is shorter than before: try again, and it is fetched from the start"},
	http.StatusExpectationFailed:            {store.ErrUnreachable, false, tryLater},
	http.StatusTeapot:                       {store.ErrUnreachable, false, "a protection against programs refused the request: open the address in a browser, or take another source"},
	http.StatusMisdirectedRequest:           {store.ErrUnreachable, false, "check the host in the address"},
	http.StatusUnprocessableEntity:          {store.ErrUnreachable, false, checkAddress},
	http.StatusLocked:                       {store.ErrUnreachable, false, tryLater},
	http.StatusFailedDependency:             {store.ErrUnreachable, false, tryLater},
	http.StatusTooEarly:                     {store.ErrUnreachable, true, "try again"},
	http.StatusUpgradeRequired:              {store.ErrUnreachable, false, "check whether the address begins with http or https"},
	http.StatusPreconditionRequired:         {store.ErrUnreachable, false, tryLater},
	http.StatusTooManyRequests:              {store.ErrUnreachable, true, "the server limits how much one may fetch: wait, or log in, which often raises the limit"},
	http.StatusRequestHeaderFieldsTooLarge:  {store.ErrUnreachable, false, "the login is too long for the server: check the token"},
	http.StatusUnavailableForLegalReasons:   {store.ErrUnauthorized, false, "it is withheld for legal reasons, perhaps only where you are: take another source"},

	http.StatusInternalServerError:           {store.ErrUnreachable, true, tryLater},
	http.StatusNotImplemented:                {store.ErrUnreachable, false, "the server does not know such requests: check the address"},
	http.StatusBadGateway:                    {store.ErrUnreachable, true, behindProxy},
	http.StatusServiceUnavailable:            {store.ErrUnreachable, true, "the server is overloaded or being serviced: try again later"},
	http.StatusGatewayTimeout:                {store.ErrUnreachable, true, behindProxy},
	http.StatusHTTPVersionNotSupported:       {store.ErrUnreachable, false, tryLater},
	http.StatusVariantAlsoNegotiates:         {store.ErrUnreachable, false, tryLater},
	http.StatusInsufficientStorage:           {store.ErrUnreachable, false, "the server has no space left: tell its operator"},
	http.StatusLoopDetected:                  {store.ErrUnreachable, false, tryLater},
	http.StatusNotExtended:                   {store.ErrUnreachable, false, tryLater},
	http.StatusNetworkAuthenticationRequired: {store.ErrUnauthorized, false, "this network wants you to log in: open any page in a browser"},

	509: {store.ErrUnreachable, false, "the server has sent as much as it may for now: try again tomorrow, or take another source"},
	520: {store.ErrUnreachable, true, behindProxy},
	521: {store.ErrUnreachable, true, behindProxy},
	522: {store.ErrUnreachable, true, behindProxy},
	523: {store.ErrUnreachable, true, behindProxy},
	524: {store.ErrUnreachable, true, behindProxy},
	525: {store.ErrUnreachable, false, behindProxy},
	526: {store.ErrUnreachable, false, behindProxy},
}

// meaningOf returns the row of a status, or for one without a row what its class says.
func meaningOf(status int) meaning {
	known, found := statuses[status]
	switch {
	case found:
		return known
	case status >= 500:
		return meaning{store.ErrUnreachable, true, tryLater}
	}
	return meaning{store.ErrUnreachable, false, checkAddress}
}

// codes are the error codes of the OCI distribution specification, and those that large registries have added, with what the user can do.
var codes = map[string]string{
	"UNAUTHORIZED":          registryLogin,
	"DENIED":                "log in to the registry as somebody who may do this, or ask the owner of the repository",
	"NAME_UNKNOWN":          "check the name of the repository; what is private looks absent without a login",
	"NAME_INVALID":          "check the name of the repository: lower-case letters, digits and single . _ - between slashes",
	"MANIFEST_UNKNOWN":      "check the name and the version",
	"BLOB_UNKNOWN":          "the registry has lost a file of this entry: ask its publisher to publish it again",
	"MANIFEST_BLOB_UNKNOWN": "the upload did not arrive whole: try again",
	"MANIFEST_INVALID":      "the registry does not take artefacts of this kind: take one that follows version 1.1 of the OCI specification",
	"UNSUPPORTED":           "the registry is read-only, or does not have this operation: take another one",
	"TOOMANYREQUESTS":       "the registry limits how much one may fetch: wait, or log in, which often raises the limit",
	"SIZE_INVALID":          "the upload did not arrive whole: try again",
	"DIGEST_INVALID":        "the upload did not arrive as it was sent: try again",
	"BLOB_UPLOAD_UNKNOWN":   "the registry has forgotten the upload: try again",
	"BLOB_UPLOAD_INVALID":   "the registry broke off the upload: try again",
}

const registryLogin = `log in to the registry first, with "docker login", "podman login" or "oras login"`

// Status returns the error for an answer that is neither the file nor a redirect. It reads the server's own words from the beginning of the body, which it
// closes. source names the server, without secrets.
func Status(source string, response *http.Response) *store.SourceError {
	head, _ := io.ReadAll(io.LimitReader(response.Body, answer.HeadLength)) // an answer that is cut says less
	response.Body.Close()
	known := meaningOf(response.StatusCode)
	return &store.SourceError{
		Source: source, Status: response.StatusCode, Kind: known.kind, Temporary: known.temporary, Advice: known.advice,
		After: RetryAfter(response.Header.Get("Retry-After"), time.Now()), Err: says(cmp.Or(declared(response.Header), Words(response.StatusCode, head))),
	}
}

// Registry returns the error for the answer of a registry: its status, and the code and the message of its first error, which may be empty.
func Registry(source string, status int, code, message string) *store.SourceError {
	known := meaningOf(status)
	advice, found := codes[code]
	switch {
	case found:
		known.advice = advice
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		known.advice = registryLogin
	}
	words := strings.ToLower(strings.ReplaceAll(text.Cut(code, 40), "_", " "))
	if message = answer.Recognise([]byte(message)).Words; message != "" && !strings.EqualFold(message, words) {
		words = strings.TrimPrefix(words+": "+message, ": ")
	}
	return &store.SourceError{Source: source, Status: status, Kind: known.kind, Temporary: known.temporary, Advice: known.advice, Err: says(words)}
}

// declared returns the words that the hub of Hugging Face puts into a header, since answers to HEAD have no body.
func declared(header http.Header) string {
	return answer.Recognise([]byte(header.Get("X-Error-Message"))).Words
}

// Words returns what a body says beside its status, or "".
func Words(status int, head []byte) string {
	words := answer.Recognise(head).Words
	plain := strings.TrimPrefix(strings.Trim(strings.ToLower(words), "0123456789 .!:-"), "error ")
	if slices.Contains([]string{strings.ToLower(http.StatusText(status)), "page not found", "error", "response"}, plain) {
		return ""
	}
	return words
}

// says returns an error with the words of a server, or nil if there are none.
func says(words string) error {
	if words == "" {
		return nil
	}
	return errors.New("the server says " + text.Quote(words))
}

// NotTheFile returns the error for an answer that should be a file and is something else, as its first bytes show, or nil.
func NotTheFile(source string, status int, head []byte) error {
	found := answer.Recognise(head)
	result := &store.SourceError{Source: source, Status: status, Kind: store.ErrNotWeights}
	what := ""
	switch found.Kind {
	case answer.Page:
		what = "a web page"
		result.Advice = "open the address in a browser: the page may ask you to accept a licence or to log in, or no longer exist"
	case answer.XML:
		what = "a message of the server"
		result.Advice = "take another source, or ask the publisher for the address"
	case answer.Pointer:
		what = "a Git LFS pointer"
		if found.Size >= 0 {
			what += fmt.Sprintf(" for a file of %d bytes", found.Size)
		}
		result.Advice = "take the address of the file itself: with /resolve/ instead of /raw/ or /blob/ on the hub, from media.githubusercontent.com on GitHub"
	default:
		return nil
	}
	if found.Words != "" {
		what += `, "` + found.Words + `"` // safe to print already
	}
	result.Err = errors.New(what)
	return result
}

// RetryAfter reads the header Retry-After: seconds, or a date.
func RetryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil && seconds >= 0 && seconds < 1e9 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// Unusable returns the error for an answer that cannot be used, with what could help. Trying again will not.
func Unusable(source string, err error, advice string) error {
	return &store.SourceError{Source: source, Kind: store.ErrUnreachable, Err: err, Advice: advice}
}
