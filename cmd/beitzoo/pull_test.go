package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert"
)

// imageNetManifest describes weights of unilm whose images are prepared as for BEiT v2.
const imageNetManifest = `format: beitzoo.manifest.v1
id: tiny_p16_32
version: 1.0.0
title: A tiny BEiT
architecture: tiny_p16_32
parameters: 50554
origin:
  authors: [me]
  publishers: [me]
  training: none
  licence:
    expression: MIT
    origin: none
categories:
  set: none
  count: 10
  labels: [cat, dog, c, d, e, f, g, h, i, j]
  problem_type: multi_label_classification
preprocessing:
  - source: timm
    recipe:
      resize: squash
      resize_to: 32
      interpolation: bicubic
      crop: 32
      mean: [0.485, 0.456, 0.406]
      std: [0.229, 0.224, 0.225]
sources:
  - name: unilm
    address: ADDRESS
    format: pytorch
    scheme: unilm
    estimate: 217022
    learned: none
`

// TestPull_ManifestTravels pulls weights from an upstream server and writes them as files of frameworks: what the manifest says is in them, or said to be lost.
func TestPull_ManifestTravels(t *testing.T) {
	home(t)
	server := httptest.NewServer(http.FileServer(http.Dir(testdata("tiny"))))
	defer server.Close()
	at := t.TempDir()
	manifest := filepath.Join(at, "m.yaml")
	write(t, manifest, []byte(strings.Replace(imageNetManifest, "ADDRESS", server.URL+"/tiny_p16_32.unilm.pth", 1)))
	succeed(t, "pull", "--manifest", manifest, "-o", filepath.Join(at, "hf")+"/", "--to", "hf")
	processor := readJSON(t, filepath.Join(at, "hf", "preprocessor_config.json"))
	want := map[string]any{
		"image_mean": []any{0.485, 0.456, 0.406}, "image_std": []any{0.229, 0.224, 0.225}, "resample": 3.0, "size": map[string]any{"height": 32.0, "width": 32.0},
	}
	for key, value := range want {
		if diff := cmp.Diff(value, processor[key]); diff != "" {
			t.Errorf("preprocessor_config.json: %s: %s", key, diff)
		}
	}
	config := readJSON(t, filepath.Join(at, "hf", "config.json"))
	names, _ := config["id2label"].(map[string]any)
	if names["0"] != "cat" || names["9"] != "j" || config["problem_type"] != "multi_label_classification" {
		t.Errorf("config.json: id2label %v, problem_type %v", names, config["problem_type"])
	}
	succeed(t, "pull", "--manifest", manifest, "-o", filepath.Join(at, "timm")+"/", "--to", "timm")
	if timm := readJSON(t, filepath.Join(at, "timm", "config.json")); timm["label_names"].([]any)[1] != "dog" {
		t.Errorf("timm's config.json: label_names %v", timm["label_names"])
	}

	var pulled pullResult
	if err := json.Unmarshal([]byte(succeed(t, "pull", "--manifest", manifest, "-o", filepath.Join(at, "tiny.pth"), "--json")), &pulled); err != nil {
		t.Fatal(err)
	}
	var lost []string
	for _, loss := range pulled.Exported.Lost {
		lost = append(lost, string(loss.Item))
	}
	if diff := cmp.Diff([]string{"labels", "recipe", "problem_type"}, lost); diff != "" {
		t.Errorf("lost: %s", diff)
	}
	var inspected struct{ Card convert.InspectedCard }
	succeed(t, "pull", "--manifest", manifest, "-o", filepath.Join(at, "tiny.safetensors"))
	if err := json.Unmarshal([]byte(succeed(t, "inspect", filepath.Join(at, "tiny.safetensors"), "--json")), &inspected); err != nil {
		t.Fatal(err)
	}
	if card := inspected.Card; card.Labels[1] != "dog" || card.Recipe.Mean[0] != 0.485 || card.Problem != "multi_label_classification" {
		t.Errorf("inspect of the file that pull wrote: %+v", card)
	}
}

func readJSON(t *testing.T, path string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatal(err)
	}
	return document
}
