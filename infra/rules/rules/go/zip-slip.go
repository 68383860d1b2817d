package unpack

import (
	"archive/tar"
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
)

func unzip(reader *zip.Reader, folder string) {
	for _, file := range reader.File {
		target := filepath.Join(folder, file.Name)
		// ruleid: go.path-traversal.zip-slip
		_, _ = os.Create(target)
	}
}

func untar(reader *tar.Reader, folder string) {
	header, err := reader.Next()
	if err != nil {
		return
	}
	// ruleid: go.path-traversal.zip-slip
	_, _ = os.OpenFile(folder+"/"+header.Name, os.O_CREATE, 0o600)
}

func unzipChecked(reader *zip.Reader, folder string) {
	for _, file := range reader.File {
		target := filepath.Join(folder, file.Name)
		if !strings.HasPrefix(target, folder+"/") {
			continue
		}
		// ok: go.path-traversal.zip-slip
		_, _ = os.Create(target)
	}
}

func unzipFlat(reader *zip.Reader, folder string) {
	for _, file := range reader.File {
		// ok: go.path-traversal.zip-slip
		_, _ = os.Create(filepath.Join(folder, filepath.Base(file.Name)))
	}
}
