//go:build !js

// Differential damages images that QEMU made and holds this program's answers against
// qemu-img's, for as many images as wanted.
//
//	go run ./scripts/differential [-n N] [-seed S] [-image I] [-keep DIR] [-table]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"qcowscope/differential"
	"qcowscope/testimages/qemu"
)

func main() {
	var opt differential.Options
	flag.IntVar(&opt.N, "n", 1000, "how many damaged images")
	flag.Uint64Var(&opt.Seed, "seed", 1, "of the bases and the damages")
	flag.IntVar(&opt.Bases, "bases", 0, "how many healthy images are made; 0 means the usual number")
	flag.IntVar(&opt.Only, "image", -1, "the number of the one damaged image to look at")
	flag.StringVar(&opt.Keep, "keep", "", "folder for the images that differ")
	flag.IntVar(&opt.Repairs, "repairs", 0, "repair every image of which the number is a multiple of this; 0 repairs none")
	table := flag.Bool("table", false, "print how often each field, kind and finding was hit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, opt, *table); err != nil {
		fmt.Fprintln(os.Stderr, "differential:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, opt differential.Options, table bool) error {
	if err := qemu.Available(); err != nil {
		return err
	}
	res, err := differential.Run(ctx, opt)
	if err != nil {
		return err
	}
	for _, r := range res.Redrawn {
		fmt.Println("drawn again:", r)
	}
	for _, d := range res.Differences {
		fmt.Println(d)
	}
	for _, d := range res.Deaths {
		fmt.Println(d)
	}
	for _, kind := range res.Repairs.Unexplained() {
		fmt.Printf("%d times %s\n%s\n", res.Repairs.Worse[kind].Times, kind, res.Repairs.Worse[kind].Example)
	}
	if opt.Repairs > 0 {
		fmt.Println(res.Repairs.String())
	}
	if table {
		fmt.Println(res.Table.String())
	}
	fmt.Printf("%d bases drawn again, %d images, %d differences\n", len(res.Redrawn), res.Images, len(res.Differences))
	if len(res.Differences) > 0 {
		return fmt.Errorf("this program and qemu-img disagree")
	}
	return nil
}
