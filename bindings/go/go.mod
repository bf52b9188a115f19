module vmsnap

go 1.19
