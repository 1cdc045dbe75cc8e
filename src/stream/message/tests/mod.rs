mod pair;

use super::*;

#[test]
fn deliveries_have_names_that_are_read_back() {
    for delivery in Delivery::ALL {
        assert_eq!(delivery.to_string().parse(), Ok(delivery));
        assert_eq!(delivery.mode().map_or(Delivery::Stream, Delivery::from), delivery);
    }
    let error = "Ordered".parse::<Delivery>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "deliveries are stream, ordered, unordered, latest and unreliable"
    );
}
