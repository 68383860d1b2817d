package main

import (
	"os"

	"gopkg.in/yaml.v2"
)

// readLevels reads how much is left of each product.
func readLevels(path string) (map[string]int, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	levels := map[string]int{}
	return levels, yaml.Unmarshal(content, &levels)
}
