package main

import (
	"fmt"
	"os"

	"aead.dev/minisign"
	"golang.org/x/term"

	"github.com/beitzoo/beitzoo/zoo/trust"
)

// The variables with passwords, for machines without a terminal.
const (
	passwordVariable    = "BEITZOO_PASSWORD"
	newPasswordVariable = "BEITZOO_NEW_PASSWORD"
)

// readSecretKey reads a key and asks for its password on the terminal, unless the environment has it.
func readSecretKey(c *console, path string) (minisign.PrivateKey, error) {
	return readKeyWith(c, path, passwordVariable)
}

// readKeyWith is readSecretKey with the password of another variable.
func readKeyWith(c *console, path, variable string) (minisign.PrivateKey, error) {
	return trust.ReadSecretKey(path, func() (string, error) {
		if password, ok := os.LookupEnv(variable); ok {
			return password, nil
		}
		return askPassword(c, fmt.Sprintf("Password of %s: ", path), "the key is encrypted, and there is no terminal to ask for its password", "set "+variable)
	})
}

// newPassword returns the password for a key that is about to be written: "" with noPassword, else that of the variable, else what the user types
// twice.
func newPassword(c *console, path string, noPassword bool, variable string) (string, error) {
	if noPassword {
		return "", nil
	}
	empty := &usageError{"the password is empty", "choose one, or write the key without: --no-password"}
	if password, ok := os.LookupEnv(variable); ok {
		if password == "" {
			return "", empty
		}
		return password, nil
	}
	const problem = "there is no terminal to ask for a password for the key"
	hint := "set " + variable + ", or write the key without a password: --no-password"
	first, err := askPassword(c, fmt.Sprintf("New password for %s: ", path), problem, hint)
	if err != nil {
		return "", err
	}
	if first == "" {
		return "", empty
	}
	second, err := askPassword(c, "The same again: ", problem, hint)
	if err == nil && first != second {
		err = &usageError{"the two passwords are not the same", "nothing was written; try again"}
	}
	return first, err
}

// askPassword reads a password from the terminal. Without one it returns the problem and its hint as a usageError.
func askPassword(c *console, prompt, problem, hint string) (string, error) {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return "", &usageError{problem, hint}
	}
	fmt.Fprint(c.err, prompt)
	password, err := term.ReadPassword(fd)
	c.notef("")
	return string(password), err
}
