package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/beitzoo/beitzoo/errdef"
)

// namePattern keeps names safe as file names, in URLs and as OCI tags.
var namePattern = regexp.MustCompile(`^[a-z0-9](?:[._-]?[a-z0-9]+)*$`)

// maxName bounds the length of a name: an OCI tag of name, separator and version must fit into 128 bytes.
const maxName = 80

// reserved are the names that Windows takes for devices, whatever their extension.
var reserved = []string{
	"con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
}

// NameError says why a string cannot name an entry.
type NameError struct {
	Name string
	Why  string
}

func (e *NameError) Error() string { return fmt.Sprintf("%q is not a valid name: %s", e.Name, e.Why) }

// Is makes a NameError an errdef.ErrUsage.
func (*NameError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what a name may look like.
func (*NameError) Hint() string {
	return "names are lower-case letters and digits, with single . _ - between them, such as beit_base_p16_224"
}

// CheckName returns a *NameError unless name is safe as a file name on every system.
func CheckName(name string) error {
	stem, _, _ := strings.Cut(name, ".")
	switch {
	case len(name) > maxName:
		return &NameError{Name: name[:maxName], Why: fmt.Sprintf("longer than %d bytes", maxName)}
	case strings.ContainsAny(name, `/\`):
		return &NameError{Name: name, Why: "a path is not allowed"}
	case !namePattern.MatchString(name):
		return &NameError{Name: name, Why: "it has characters that are not allowed"}
	case slices.Contains(reserved, stem):
		return &NameError{Name: name, Why: "Windows takes it for a device"}
	}
	return nil
}

// VersionError says that a string is not a version.
type VersionError struct{ Version string }

func (e *VersionError) Error() string {
	return fmt.Sprintf("%.60q is not a version", e.Version)
}

// Hint says what a version looks like.
func (e *VersionError) Hint() string {
	return "a version has three numbers, as in 1.0.0, and perhaps a tag, as in 1.0.0-rc.1"
}

// Is makes a VersionError an errdef.ErrUsage.
func (*VersionError) Is(kind error) bool { return kind == errdef.ErrUsage }

// CheckVersion returns a *VersionError unless version is a full semantic version: three numbers, optionally with a pre-release tag.
func CheckVersion(version string) error {
	if canonical := semver.Canonical("v" + version); canonical == "" || canonical != "v"+version || len(version) > 40 {
		return &VersionError{version}
	}
	return nil
}

// CompareVersions returns a negative number if a comes before b by the rules of semantic versioning, 0 if they are equal, else a positive one.
func CompareVersions(a, b string) int { return semver.Compare("v"+a, "v"+b) }

// Reference is a name and, optionally, a version.
type Reference struct {
	Name    string
	Version string
}

// ParseReference reads "name" or "name@version". The error is a *NameError or a *VersionError.
func ParseReference(text string) (Reference, error) {
	name, version, versioned := strings.Cut(text, "@")
	if err := CheckName(name); err != nil {
		return Reference{}, err
	}
	if versioned {
		if err := CheckVersion(version); err != nil {
			return Reference{}, err
		}
	}
	return Reference{Name: name, Version: version}, nil
}

// String returns the form that ParseReference reads.
func (r Reference) String() string {
	if r.Version == "" {
		return r.Name
	}
	return r.Name + "@" + r.Version
}
