package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
)

func main() {
	recipes := flag.String("recipes", "{}", "recipes by name, as JSON")
	out := flag.String("out", "", "folder for samples and tensors")
	flag.Parse()
	if err := run(*recipes, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

// answer is a line of the output.
type answer struct {
	File    string            `json:"file"`
	Width   int               `json:"width,omitempty"`
	Height  int               `json:"height,omitempty"`
	RGB     string            `json:"rgb,omitempty"`
	Tensors map[string]string `json:"tensors,omitempty"`
	Error   string            `json:"error,omitempty"`
}

func run(recipesJSON, out string, files []string) error {
	recipes, err := parse(recipesJSON)
	if err != nil {
		return fmt.Errorf("recipes: %w", err)
	}
	lines := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(lines)
	for _, file := range files {
		line, err := look(file, recipes, out)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := encoder.Encode(line); err != nil {
			return err
		}
	}
	return lines.Flush()
}

// named is a recipe by its name, for images of a size, or in full.
type named struct {
	Name string `json:"name"`
	Size int    `json:"size"`
	card.Recipe
}

func parse(recipesJSON string) (map[string]card.Recipe, error) {
	var given map[string]named
	if err := json.Unmarshal([]byte(recipesJSON), &given); err != nil {
		return nil, err
	}
	recipes := make(map[string]card.Recipe)
	for name, recipe := range given {
		if recipe.Name != "" {
			orientation := recipe.Orientation
			var err error
			if recipe.Recipe, err = card.RecipeFor(recipe.Name, recipe.Size); err != nil {
				return nil, err
			}
			recipe.Orientation = orientation
		}
		recipes[name] = recipe.Recipe
	}
	return recipes, nil
}

// look decodes one file and applies the recipes to it. The error is not about the picture, but about what is around it.
func look(file string, recipes map[string]card.Recipe, out string) (answer, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return answer{}, err
	}
	line := answer{File: file, Tensors: make(map[string]string)}
	keep := func(kind string, data []byte) (string, error) {
		sum := sha256.Sum256(data)
		if out == "" {
			return hex.EncodeToString(sum[:]), nil
		}
		return hex.EncodeToString(sum[:]), os.WriteFile(filepath.Join(out, filepath.Base(file)+"."+kind), data, 0o600)
	}
	decoded, err := preprocess.Decode(bytes.NewReader(data))
	if err != nil {
		line.Error = err.Error()
		return line, nil
	}
	line.Width, line.Height = decoded.Width, decoded.Height
	if line.RGB, err = keep("rgb", decoded.Pix); err != nil {
		return answer{}, err
	}
	for name, recipe := range recipes {
		prepared, err := preprocess.Prepare(recipe, bytes.NewReader(data))
		if err != nil {
			return answer{}, err
		}
		values, err := binary.Append(nil, binary.LittleEndian, prepared.Tensor)
		if err != nil {
			return answer{}, err
		}
		if line.Tensors[name], err = keep(name+".f32", values); err != nil {
			return answer{}, err
		}
	}
	return line, nil
}
