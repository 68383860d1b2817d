from products import load_products


def test_products_are_found_by_their_number():
    products = load_products("products.yaml")
    assert products["teapot"]["price"] == 1250
