// Renders the templates of a chart with Go's own engine, as Helm does, with those of its functions that ours use.
//
//	go run render.go CHART NAMESPACE < values.json
//
// It knows no more of Helm than that: where there is a Helm, the tests run that, too. Values are whole: whoever calls has
// merged them. What Helm writes as YAML is JSON here, which is YAML.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

type values = map[string]any

// files are the chart's other files, as {{ .Files.Get "name" }}.
type files struct{ root string }

func (f files) Get(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(f.root, name))
	return string(text), err
}

func toYaml(value any) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}

func nindent(spaces int, text string) string {
	pad := "\n" + strings.Repeat(" ", spaces)
	return pad + strings.ReplaceAll(text, "\n", pad)
}

func deepCopy(given any) (copied any, err error) {
	text, err := json.Marshal(given)
	if err == nil {
		err = json.Unmarshal(text, &copied)
	}
	return copied, err
}

func mergeOverwrite(into, from values) values {
	for name, value := range from {
		inner, isMap := value.(values)
		known, wasMap := into[name].(values)
		if isMap && wasMap {
			into[name] = mergeOverwrite(known, inner)
		} else {
			into[name] = value
		}
	}
	return into
}

func whole(value any) int64 {
	number, _ := value.(float64)
	return int64(number)
}

func main() {
	chart, namespace := os.Args[1], os.Args[2]
	var given values
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	functions := template.FuncMap{
		"toYaml":         toYaml,
		"nindent":        nindent,
		"quote":          func(value any) string { return fmt.Sprintf("%q", fmt.Sprint(value)) },
		"int":            whole,
		"add":            func(one any, other int64) int64 { return whole(one) + other },
		"replace":        func(old, new, text string) string { return strings.ReplaceAll(text, old, new) },
		"sha256sum":      func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) },
		"deepCopy":       deepCopy,
		"mergeOverwrite": mergeOverwrite,
	}
	found, err := filepath.Glob(filepath.Join(chart, "templates", "*.yaml"))
	if err != nil {
		panic(err)
	}
	data := values{
		"Values":  given,
		"Release": values{"Namespace": namespace, "Name": "gilfoyle"},
		"Files":   files{chart},
	}
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			panic(err)
		}
		made, err := template.New(filepath.Base(path)).Option("missingkey=error").Funcs(functions).Parse(string(text))
		if err == nil {
			fmt.Println("---")
			err = made.Execute(os.Stdout, data)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
